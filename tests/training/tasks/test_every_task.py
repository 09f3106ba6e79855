"""What every task promises: a step depends on the seed and its position, and on nothing else."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinema.codecs import AdversarialLoss, CausalVAE, CausalVAEConfig, CodecLoss
from kinema.conditions import SmallTextConfig
from kinema.denoisers import DiTConfig
from kinema.training import Loop
from kinema.training.histories.degradation import Degradation
from kinema.training.histories.resampling import Resampling
from kinema.training.loop import begin, take_step
from kinema.training.noise_levels import NoiseLevels
from kinema.training.processes import Processes
from kinema.training.sources import DiscClips, WorldClips, unseen
from kinema.training.tasks.codec import CodecRun
from kinema.training.tasks.physics import PhysicsRun
from kinema.training.tasks.text_to_video import TextToVideoRun

WORLD = WorldClips(num_frames=5, size=16, num_clips=64)
DISCS = DiscClips("box", num_frames=5, size=16)
CODEC = CausalVAEConfig(channels=4, widths=(8, 8), encoder_depth=(0, 0), decoder_depth=(0, 0))
LOOP = Loop(num_samples=800, batch_size=4, precision="fp32", averages=(0.1,))
DENOISER = DiTConfig(dim=32, depth=1, num_heads=2, patch=(1, 1, 1))


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    """The folder of a small codec."""
    folder = tmp_path_factory.mktemp("codec")
    torch.manual_seed(0)
    CausalVAE(CODEC).save_pretrained(folder)
    return str(folder)


def text_to_video(codec: str, **settings) -> TextToVideoRun:
    return TextToVideoRun(
        data=WORLD, held_out=unseen(WORLD, 4), codec=codec, denoiser=replace(DENOISER), loop=LOOP,
        text=SmallTextConfig(dim=32, depth=1, num_heads=2), image_share=0.3, half_share=0.3,
        noise=NoiseLevels(given=0.8, context_noise=0.1), resampling=Resampling(share=0.5),
        **settings,
    )  # fmt: skip


def physics(codec: str, **settings) -> PhysicsRun:
    return PhysicsRun(
        data=DISCS, num_unseen=2, zoom=(0.5, 2.0), degradation=Degradation(share=0.7), loop=LOOP,
        denoiser=replace(DENOISER, patch=(1, 8, 8)), resampling=Resampling(share=0.5),
    )  # fmt: skip


def physics_in_latents(codec: str, **settings) -> PhysicsRun:
    return PhysicsRun(data=DISCS, num_unseen=2, given=1, codec=codec, denoiser=DENOISER, loop=LOOP)


def codec_with_a_game(codec: str, **settings) -> CodecRun:
    game = AdversarialLoss(spatial=0.1, temporal=0.1, start=0, dim=8, depth=1)
    return CodecRun(
        data=WORLD, held_out=unseen(WORLD, 4), codec=replace(CODEC, fitted=True), adversarial=game,
        weights=CodecLoss(flow=0.2, perceptual=0.1), loop=LOOP, **settings,
    )  # fmt: skip


SHARDED = (text_to_video, codec_with_a_game)


def outcome(run, folder) -> list:
    """The loss of two steps and everything random after them."""
    task, losses = run.task(), []
    with task.ready():
        state = begin(task, run.loop, folder / "checkpoint.safetensors", Processes())
        state.position.step = 40  # a resumed run opens no shard before its step
        before = np.random.get_state()[1].tolist(), random.getstate()
        for _ in range(2):
            losses.append(take_step(task, run.loop, state, Processes())[0])
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before
    (folder / "checkpoint.safetensors").unlink()
    weights = [p.detach().sum().item() for p in task.network.parameters()]
    return [losses, torch.get_rng_state().tolist(), weights]


@pytest.mark.parametrize("make", [text_to_video, codec_with_a_game, physics, physics_in_latents])
def test_a_step_is_the_same_cold_and_warm_and_with_any_number_of_workers(make, codec, tmp_path):
    torch.set_num_threads(1)
    outcomes = []
    cold_and_warm = [(0, "a"), (0, "a"), (1, "b"), (2, "b")]  # workers, and where clips are kept
    for workers, cache in cold_and_warm if make in SHARDED else cold_and_warm[:2]:
        run = make(codec, cache=str(tmp_path / cache), workers=workers)
        outcomes.append(outcome(run, tmp_path))
    assert all(one == outcomes[0] for one in outcomes)
    assert all(np.isfinite(outcomes[0][0]))


@pytest.mark.parametrize("make", [text_to_video, codec_with_a_game, physics, physics_in_latents])
def test_a_task_counts_its_cost_and_can_be_rehearsed(make, codec, tmp_path):
    task = make(codec, cache=str(tmp_path), workers=0).task()
    assert task.flops(6) == pytest.approx(3 * task.flops(2)) and task.flops(1) > 1e4
    loss = task.rehearse(2)
    assert loss.shape == () and loss.requires_grad


WITH_TWO_THREADS = """
import sys
import torch
import test_every_task as every
from kinema.training import loop

torch.set_num_threads(2)

def denormals(*_):
    print(int((torch.full((2**20,), 1e-20) * 1e-20).count_nonzero()))

loop.train = denormals
for run in (
    every.physics(""), every.codec_with_a_game(""), every.text_to_video(sys.argv[1])
):
    run.train()
denormals()
"""


def test_no_thread_of_a_run_computes_with_denormals(codec):
    """The first run starts torch's threads, and all of them flush; this process goes on as it was.

    The threads of pytest have long been started: a process of its own tells.
    """
    words = [sys.executable, "-c", WITH_TWO_THREADS, codec]
    done = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True)
    *during, after = done.stdout.split()
    assert during == ["0", "0", "0"] and int(after) > 0, done.stderr
