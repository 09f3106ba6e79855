from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

import kinema
from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.conditions import SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.training import Loop, Position
from kinema.training.sources import WorldClips, unseen
from kinema.training.tasks.decoder import (
    DecoderRun,
    LatentErrors,
    border_distance,
    decoder_of,
)
from kinema.video import System, VideoPipeline

DATA = WorldClips(num_frames=9, size=16, num_clips=8)
TINY = CausalVAEConfig(channels=4, widths=(16, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """The folder of a system with an untrained denoiser."""
    torch.manual_seed(0)
    text = SmallTextEncoder.from_corpus(DATA.corpus(), SmallTextConfig(dim=32, depth=1))
    config = DiTConfig(channels=4, dim=32, depth=1, num_heads=1, patch=(1, 1, 1), text_dim=text.dim)
    pipe = VideoPipeline(DiT(config), CausalVAE(TINY), text, System(num_frames=9, size=(16, 16)))
    pipe.save_pretrained(folder := tmp_path_factory.mktemp("system"))
    return str(folder)


def run_of(system: str, folder, **settings) -> DecoderRun:
    loop = Loop(num_samples=48, batch_size=4, learning_rate=2e-3, warmup=8, validate_every=48,
                precision="fp32", averages=(0.1,))  # fmt: skip
    return DecoderRun(str(folder / "run"), system, DATA, unseen(DATA, 2), loop=loop,
                      cache=str(folder / "cache"), workers=0, **settings)  # fmt: skip


def test_a_run_changes_the_decoder_alone_and_leaves_a_system(system, tmp_path):
    run_of(system, tmp_path).train()
    made = kinema.load(str(tmp_path / "run" / "final"))
    before = kinema.load(system)
    for part in ("denoiser", "text"):
        old, new = (getattr(pipe, part).state_dict() for pipe in (before, made))
        assert all(torch.equal(old[name], new[name]) for name in old)
    frames = torch.rand(1, 3, 9, 16, 16) * 2 - 1
    latents = before.codec.encode(frames)
    assert torch.equal(latents, made.codec.encode(frames))
    assert not torch.equal(before.codec.decode(latents), made.codec.decode(latents))
    names = load_file(tmp_path / "run" / "checkpoint.safetensors")
    assert not any(name.startswith("network.denoiser") for name in names)
    assert list((tmp_path / "run" / "samples").glob("*.png"))


def test_each_clip_has_the_error_that_was_drawn_for_it(system, tmp_path):
    task = run_of(system, tmp_path, errors=LatentErrors(0.5, 0.2, deviation=0.1)).task()
    latents, noise = torch.randn(3, 4, 3, 2, 2), torch.randn(3, 4, 3, 2, 2)
    kind, level = torch.tensor([0.9, 0.6, 0.1]), torch.tensor([0.5, 0.5, 0.5])
    captions = ["a red ball", "a blue cube", "a green cone"]
    spoiled = task.spoiled(latents, captions, kind, level, noise)
    assert torch.equal(spoiled[0], latents[0])
    assert torch.allclose(spoiled[1], latents[1] + 0.05 * noise[1])
    time = torch.tensor([0.325])  # half way from 0.05 to 0.6
    called = task.called(latents[2:], captions[2:], time, noise[2:])
    assert torch.allclose(spoiled[2:], called, atol=1e-6) and not torch.equal(called, latents[2:])


def test_one_call_from_no_noise_changes_nothing(system, tmp_path):
    task = run_of(system, tmp_path).task()
    latents = torch.randn(1, 4, 3, 2, 2)
    called = task.called(latents, ["a red ball"], torch.zeros(1), torch.randn_like(latents))
    assert torch.allclose(called, latents, atol=1e-6)


def test_rows_of_a_batch_are_drawn_for_the_whole_of_it(system, tmp_path):
    """Processes that share a step see what one process sees."""
    task = run_of(system, tmp_path).task()
    losses = []
    for rows in (slice(None), slice(0, None, 2), slice(1, None, 2)):
        torch.manual_seed(3)
        losses.append(task.loss(Position(samples=64), 4, rows)[0].item())
    assert losses[0] == pytest.approx((losses[1] + losses[2]) / 2, rel=1e-5)


def test_the_distance_at_borders_sees_steps_across_them_and_no_others():
    error = torch.zeros(1, 3, 2, 16, 16)
    error[..., 4:] = 0.5  # a step inside of blocks of 8
    assert border_distance(error, (4, 8, 8), 0.005).item() == 0
    error[..., :4], error[..., 8:] = (
        0.5,
        -0.5,
    )  # a step of 1 across the one border from left to right
    assert border_distance(error, (4, 8, 8), 0.005).item() == pytest.approx(1, abs=0.01)


def test_the_encoder_and_the_linear_part_are_no_part_of_the_decoder():
    codec = CausalVAE(replace(TINY, refiner_width=8))
    of_decoder = {id(p) for part in decoder_of(codec) for p in part.parameters()}
    others = [codec.fold_in, codec.down, codec.to_latents, codec.linear]
    of_others = {id(p) for part in others for p in part.parameters()}
    assert not of_decoder & of_others
    assert of_decoder | of_others == {id(p) for p in codec.parameters()}


@pytest.mark.parametrize("settings", [{"denoised": 0.8, "noised": 0.3}, {"times": (0.5, 0.2)}])
def test_shares_above_one_and_times_that_fall_are_refused(settings):
    with pytest.raises(UserError):
        LatentErrors(**settings)
