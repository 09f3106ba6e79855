import json

import pytest
import torch

from kinema.denoisers import DiTConfig
from kinema.errors import UserError
from kinema.recipes.physics import PhysicsRun, PhysicsTask
from kinema.training import Loop
from kinema.training.sources import DiscClips
from kinema.video import VideoPipeline


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny predictor of eight frames of 16 pixels, trained for some seconds."""
    folder = tmp_path_factory.mktemp("physics")
    run = PhysicsRun(
        folder=str(folder),
        data=DiscClips("uniform", num_frames=8, size=16, num_clips=2_000),
        num_unseen=32,
        denoiser=DiTConfig(dim=64, depth=3, num_heads=2, patch=(1, 8, 8)),
        loop=Loop(num_samples=4_800, batch_size=32, learning_rate=3e-3, optimizer="muon",
                  warmup=320, validate_every=800, averages=(0.1,)),
    )  # fmt: skip
    run.train()
    return run, folder


def test_the_loss_falls_and_the_disc_is_drawn(trained):
    run, folder = trained
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    losses = [x["held_out_loss"] for x in lines if "held_out_loss" in x]
    errors = [x["held_out_velocity_error"] for x in lines if "held_out_velocity_error" in x]
    assert losses[-1] < 0.8 * losses[0] and all(0 < error < 10 for error in errors)
    task = PhysicsTask(run)
    task.network = VideoPipeline.from_pretrained(folder / "final").denoiser
    true, made = (x[:, 3:].astype(float) for x in (task.unseen_frames, task.predictions()))
    assert ((made - true) ** 2).mean() < ((255 - true) ** 2).mean()  # better than a blank


def test_the_system_loads_and_begins_with_the_given_frames(trained):
    run, folder = trained
    pipeline = VideoPipeline.from_pretrained(folder / "final")
    given = torch.rand(2, 3, 3, 16, 16) * 2 - 1
    clips = pipeline.complete(given, 8, seeds=[0, 1])
    assert clips.shape == (2, 3, 8, 16, 16) and torch.equal(clips[:, :, :3], given)
    alone = pipeline.complete(given[1:], 8, seeds=[1])
    assert torch.allclose(alone[0], clips[1], atol=1e-5)


def test_noise_levels_give_the_first_frames():
    t = PhysicsRun(given=3).noise_levels().draw(500, 8)
    given = (t[:, :3] == 0).all(1) & (t[:, 3:] > 0).all(1)
    assert 340 < given.sum() < 460


def test_an_unknown_law_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="parabola"):
        DiscClips("parabol")
