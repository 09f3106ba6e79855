import json
from dataclasses import replace

import pytest
import torch

from kinema.clips import to_tensor
from kinema.codecs import Pixels
from kinema.denoisers import DiTConfig, MMDiTConfig, UNetConfig
from kinema.errors import UserError
from kinema.recipes import physics_box, physics_codec, physics_curtain
from kinema.sampling.rollout import Autoregressive
from kinema.training import Loop, Position, draw
from kinema.training.histories.degradation import Degradation
from kinema.training.histories.resampling import Resampling
from kinema.training.sources import DiscClips
from kinema.training.tasks.physics import PhysicsRun, make_codec
from kinema.video import VideoPipeline, strategy_named


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny predictor of eight frames of 16 pixels, trained for some seconds."""
    folder = tmp_path_factory.mktemp("physics")
    run = PhysicsRun(
        folder=str(folder),
        data=DiscClips("uniform", num_frames=8, size=16, num_clips=800),
        num_unseen=32,
        denoiser=DiTConfig(dim=64, depth=3, num_heads=2, patch=(1, 8, 8)),
        loop=Loop(num_samples=1_600, batch_size=16, learning_rate=3e-3, optimizer="muon",
                  warmup=160, validate_every=400, averages=(0.1,)),
    )  # fmt: skip
    run.train()
    return run, folder


def test_the_loss_falls_and_the_disc_is_drawn(trained):
    run, folder = trained
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    losses = [x["held_out_loss"] for x in lines if "held_out_loss" in x]
    errors = [x["held_out_velocity_error"] for x in lines if "held_out_velocity_error" in x]
    assert losses[-1] < 0.8 * losses[0] and 0 < errors[-1] < errors[0]
    task = run.task()
    task.network["denoiser"] = VideoPipeline.from_pretrained(folder / "final").denoiser
    preview = task.preview
    true, made = (
        x[:, 3:].astype(float) for x in (preview.frames, preview.predict(task.pipeline(), 32))
    )
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
    t = PhysicsRun(given=3).noise_levels(Pixels()).mixture().draw(500, 8)
    given = (t[:, :3] == 0).all(1) & (t[:, 3:] > 0).all(1)
    assert 340 < given.sum() < 460


def test_noise_levels_give_as_many_frames_as_are_to_be_carried_over():
    t = PhysicsRun(given=3, most_given=6).noise_levels(Pixels()).mixture().draw(2_000, 8)
    counts = [int((row == 0).sum()) for row in t]
    assert {3, 4, 5, 6} <= set(counts) <= {0, 3, 4, 5, 6}
    assert 1_300 < sum(count >= 3 for count in counts) < 1_900
    with pytest.raises(UserError, match="`most_given` is 2: it is at least given, 3"):
        PhysicsRun(most_given=2)


@pytest.mark.parametrize(("recipe", "law"), [(physics_box, "box"), (physics_curtain, "curtain")])
def test_the_boxes_look_24_frames_back_from_degraded_histories(recipe, law):
    run = recipe()
    assert run.data.law == law and run.folder == f"runs/physics-{law}"
    assert (run.given, run.most_given, run.data.num_frames) == (8, 24, 32)
    assert run.degradation.share > 0.5
    small = replace(run, denoiser=DiTConfig(dim=32, depth=1, num_heads=2, patch=(1, 8, 8)))
    pipe = small.task().pipeline()
    assert pipe.system.overlap == 24
    assert strategy_named("sliding", pipe).horizon == 24
    assert strategy_named("autoregressive", pipe) == Autoregressive(chunk=8, context=23, sinks=1)


def test_a_system_is_trained_further(trained, tmp_path):
    run, folder = trained
    further = PhysicsRun(data=run.data, num_unseen=2, init=str(folder / "final"))
    task = further.task()
    assert further.denoiser.dim == 64
    for new, old in zip(task.network.parameters(), run_weights(folder), strict=True):
        assert new.requires_grad and torch.equal(new, old)


def test_a_system_goes_on_with_more_layers(trained):
    run, folder = trained
    deeper = PhysicsRun(data=run.data, num_unseen=2, init=str(folder / "final"), new_layers=1)
    task = deeper.task()
    assert deeper.denoiser.depth == run.denoiser.depth + 1
    assert all(parameter.requires_grad for parameter in task.network.parameters())
    x, t = torch.randn(1, 3, 8, 32, 32), torch.rand(1, 8)
    before = VideoPipeline.from_pretrained(folder / "final").denoiser.float()
    torch.testing.assert_close(task.network["denoiser"](x, t), before(x, t))


@pytest.mark.parametrize("options", [{"new_layers": 2}, {"new_layers": -1, "init": "box"}])
def test_new_layers_are_added_to_a_system(options):
    with pytest.raises(UserError, match="so many are added to a system|new_layers is -1"):
        PhysicsRun(**options)


def test_new_layers_are_those_of_a_dit(tmp_path):
    unet = UNetConfig(dims=(16, 16), num_blocks=1, num_heads=1)
    PhysicsRun(denoiser=unet, num_unseen=2).task().save(tmp_path)
    with pytest.raises(UserError, match="`new_layers` are of a DiT, which the denoiser of"):
        PhysicsRun(init=str(tmp_path), new_layers=1).task()


def run_weights(folder):
    return VideoPipeline.from_pretrained(folder / "final").denoiser.float().parameters()


def test_a_system_with_text_is_not_trained_further():
    with pytest.raises(UserError, match="`init`: tabletop does not make 3 channels without text"):
        PhysicsRun(init="tabletop").task()


def test_all_that_a_step_takes_lies_where_the_network_lies():
    denoiser = DiTConfig(dim=64, depth=2, num_heads=2, patch=(1, 8, 8))
    task = PhysicsRun(denoiser=denoiser, zoom=(0.5, 2.0), loop=Loop(batch_size=2)).task()
    task.network.to("meta")  # as on a GPU, a tensor left on the processor would raise
    assert task.rehearse(2).device.type == "meta"
    assert task.loss(Position(), 2, slice(None))[0].device.type == "meta"


def test_the_rows_of_a_step_are_the_same_whoever_takes_them():
    denoiser = DiTConfig(dim=64, depth=2, num_heads=2, patch=(1, 8, 8))
    task = PhysicsRun(denoiser=denoiser, zoom=(0.5, 2.0), degradation=Degradation(share=0.7)).task()
    seen = []
    task.diffusion_loss = lambda x0, c, t, noise: seen.append((x0, t, noise)) or x0.sum()
    for rows in (slice(None), slice(0, None, 2), slice(1, None, 2)):
        torch.manual_seed(0)
        task.loss(Position(), 4, rows)
    whole, even, odd = seen
    for all_rows, first, second in zip(whole, even, odd, strict=True):
        assert torch.equal(all_rows[::2], first) and torch.equal(all_rows[1::2], second)


def test_given_frames_are_worn_and_the_targets_are_true():
    denoiser = DiTConfig(dim=64, depth=2, num_heads=2, patch=(1, 8, 8))
    task = PhysicsRun(denoiser=denoiser, given_share=1.0, degradation=Degradation(share=1.0)).task()
    seen = []
    task.diffusion_loss = lambda x0, c, t, noise: seen.append((x0, t, noise)) or x0.sum()
    task.loss(Position(), 4, slice(None))
    x0, t, _ = seen[0]
    indices = draw(0, Position(), 4, task.data.source.num_clips)
    true = to_tensor(task.data.source.make(indices.tolist())[0]["frames"].numpy())
    changed = (x0 != true).flatten(3).any(3).any(1)  # b f
    assert torch.equal(changed, t == 0)


def test_degradation_is_of_pixels():
    with pytest.raises(UserError, match="Degradation is of pixels"):
        PhysicsRun(codec="physics-codec", degradation=Degradation(share=0.5))


def test_a_denoiser_that_needs_text_is_refused_before_the_first_step():
    with pytest.raises(UserError, match="denoiser takes DiTConfig or UViTConfig"):
        PhysicsRun(denoiser=MMDiTConfig(dim=64, depth=1, num_heads=2)).task()


def test_a_zoom_that_is_no_range_is_refused():
    with pytest.raises(UserError, match="zoom is a range of factors"):
        PhysicsRun(zoom=(2.0, 0.5))


def test_an_unknown_law_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="parabola"):
        DiscClips("parabol")


@pytest.fixture(scope="module")
def disc_codec(tmp_path_factory):
    """The principal components of 8x8 pixels of discs, never trained further: a folder."""
    run = replace(physics_codec(), cache=str(tmp_path_factory.mktemp("cache")), workers=0)
    config = replace(run.codec, widths=(8, 8), encoder_depth=(1, 1), decoder_depth=(1, 1))
    data = replace(run.data, num_frames=5, size=16, num_clips=64)
    task = replace(run, codec=config, data=data, held_out=replace(data, seed=99)).task()
    task.fit_linear()
    folder = tmp_path_factory.mktemp("codec")
    task.save(folder)
    assert task.validate()["psnr"] > 22
    return folder


def test_in_the_latents_of_a_codec(disc_codec, tmp_path):
    run = PhysicsRun(
        data=DiscClips(num_frames=8, size=16, num_clips=64),
        num_unseen=4,
        codec=str(disc_codec),
        denoiser=DiTConfig(dim=32, depth=1, num_heads=2, patch=(1, 1, 1)),
    )
    task = run.task()
    assert task.data.shape == (16, 8, 2, 2) and run.denoiser.channels == 16
    loss, _ = task.loss(Position(0, 0), 4, slice(None))
    loss.backward()
    assert loss > 0 and task.rehearse(2).isfinite()
    assert set(task.validate()) == {"loss", "loss_high", "loss_low", "velocity_error"}
    task.save(tmp_path / "final")
    pipe = VideoPipeline.from_pretrained(tmp_path / "final")
    assert pipe.codec.config == task.codec.config
    shown = pipe.complete(to_tensor(task.preview.frames[:2, :3]), 8, seeds=[0, 1])
    assert shown.shape == (2, 3, 8, 16, 16)
    with pytest.raises(UserError, match="does not make 3 channels without text"):
        PhysicsRun(data=run.data, num_unseen=2, init=str(tmp_path / "final")).task()


def test_what_is_given_fills_latent_frames():
    run = PhysicsRun(data=DiscClips(num_frames=9, size=16), codec="tabletop")
    with pytest.raises(UserError, match="`given` is 3: of the codec tabletop .* such as 5"):
        run.task()
    levels = replace(run, given=5).noise_levels(make_codec(replace(run, given=5)))
    levels = levels.mixture().draw(300, 3)
    given = levels[:, 0] == 0
    assert 180 < given.sum() < 290 and (levels[given, 1] == 0).all() and (levels[:, 2] > 0).all()


def test_the_second_stage_learns_from_histories_of_its_own():
    run = PhysicsRun(
        data=DiscClips("curtain", num_frames=8, size=16, num_clips=64),
        given=2,
        most_given=5,
        num_unseen=2,
        resampling=Resampling(share=1.0, mean=2.0, num_steps=1),
        denoiser=DiTConfig(dim=32, depth=1, num_heads=2, patch=(1, 8, 8)),
    )
    task = run.task()
    x0 = to_tensor(run.data.make([0, 1, 2])[0]["frames"].numpy())
    t = torch.full((3, 8), 0.9)
    t[0, :4], t[1, :4] = 0.0, 0.1  # a clean history, a noised one, none
    made = task.with_history(x0, task.conditions([""] * 3), t, 3, slice(None))
    assert (made[0, :, :4] != x0[0, :, :4]).any()
    assert torch.equal(made[0, :, 4:], x0[0, :, 4:]) and torch.equal(made[1:], x0[1:])
    loss, _ = task.loss(Position(0, 0), 4, slice(None))
    loss.backward()
    assert loss.isfinite()


def test_every_other_history_is_noised():
    run = PhysicsRun(given=3, given_share=1.0, context_noise=0.2)
    t = run.noise_levels(Pixels()).mixture().draw(400, 8)
    history = t[:, :3]
    assert (history <= 0.2).all() and (t[:, 3:] > 0).all()
    assert 140 < (history == 0).all(1).sum() < 260
