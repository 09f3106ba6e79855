"""Every row: the latents of the official pipeline, from the same weights and the same noise."""

import copy

import numpy as np
import pytest
import torch
from einops import rearrange
from PIL import Image

from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.interop.families import FAMILIES, family_of
from kinema.interop.official import Official, experts_of
from kinema.interop.steered import Steered
from kinema.sampling import SOLVERS, Denoise, classifier_free, plans, sample
from tests.interop import tiny

pytestmark = pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning")  # diffusers' Mochi
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
SCALE = 4.0
# by the name in `tiny.PIPELINES`: the difference allowed, of the largest latent
LIMITS = {"svd": 3e-6}  # near t = 1 a time in float32 says little of the signal that is left
LIMIT = 2e-6
IMAGE_BY_PLAN = ("wan_image_frame_times", "ltx_image")


def official(name):
    pipe = tiny.built(name)
    return Official(pipe, experts_of(pipe), None)


def options_for(system, name):
    """What both are called with."""
    side, known = (64 if name.startswith("ltx") else 32), system.parameters
    options = {
        "prompt": "a red ball", "negative_prompt": "blue", "height": side, "width": side,
        "num_frames": 5 if name == "svd" else 9, "num_steps": 5, "guidance_scale": SCALE,
        "image": PICTURE, "control_video": [PICTURE] * 9,
    }  # fmt: skip
    return {ours: v for ours, v in options.items() if system.named(ours) in known}


def generator():
    return torch.Generator().manual_seed(0)


def latent_shape(system, prepared, channels):
    """c f h w of the latents that the official pipeline drew."""
    layout, x = system.experts.family.layout, prepared.cond.x
    if "(f h w)" in layout:
        return channels, *(prepared.cond.arguments[n] for n in ("num_frames", "height", "width"))
    sizes = dict(zip(layout.split(), x.shape, strict=True))
    return channels, sizes["f"], sizes["h"], sizes["w"]


def noise_of(name, shape):
    """SkyReels takes no latents; it draws them first, and so this is what it draws."""
    seed = 0 if name == "sky_reels" else 1
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed))


def ours(system, prepared, noise, plan=None, known=None, seeds=None):
    schedule, path = prepared.schedule, PATHS[prepared.schedule.path]
    branches = [prepared.cond] if prepared.uncond is None else [prepared.cond, prepared.uncond]
    denoises = [
        Denoise(Steered(system.experts, [call], schedule), path, schedule.prediction)
        for call in branches
    ]
    scale = system.experts.family.contrast(SCALE, noise.shape[2])
    denoise = classifier_free(*denoises, scale) if len(denoises) == 2 else denoises[0]
    plan = plans.together(schedule.times, noise.shape[2]) if plan is None else plan
    return sample(
        denoise, schedule.scale * noise, plan, SOLVERS[schedule.solver], path, known, seeds
    )


def theirs(system, name, options, noise, **others):
    layout = system.experts.family.layout
    if name != "sky_reels":
        others["latents"] = rearrange(noise, f"b c f h w -> {layout}")
    named = {system.named(ours): value for ours, value in options.items()}
    with torch.no_grad():
        made = system.pipe(**named, **others, generator=generator(), output_type="latent").frames
    _, _, f, h, w = noise.shape
    return rearrange(made, f"{layout} -> b c f h w", f=f, h=h, w=w)


def assert_same(made, official, limit=LIMIT):
    assert made.shape == official.shape
    assert official.std() > 0.1
    assert (made - official).abs().max() < limit * official.abs().max()


@pytest.fixture(autouse=True)
def kept_samples(monkeypatch):
    """SkyReels writes over the state that its UniPC keeps for the corrector: give it a copy.

    As diffusers 0.42 has it, that pipeline is 1.3 % away from its own scheduler.
    """
    step = tiny.diffusers.UniPCMultistepScheduler.step

    def step_of_copy(self, output, timestep, state, **options):
        return step(self, output, timestep, state.clone(), **options)

    monkeypatch.setattr(tiny.diffusers.UniPCMultistepScheduler, "step", step_of_copy)


@pytest.mark.parametrize("name", [n for n in tiny.PIPELINES if n not in IMAGE_BY_PLAN])
def test_the_same_latents_as_the_official_pipeline(name):
    system = official(name)
    options = options_for(system, name)
    prepared = system.prepare(**options, generator=generator())
    noise = noise_of(name, latent_shape(system, prepared, tiny.latent_channels(system.pipe)))
    made = ours(system, prepared, noise)
    assert_same(made, theirs(system, name, options, noise), LIMITS.get(name, LIMIT))


@pytest.mark.parametrize("name", IMAGE_BY_PLAN)
def test_a_picture_is_a_plan_with_frame_0_at_0(name):
    system = official(name)
    options = options_for(system, name)
    prepared = system.prepare(**options, generator=generator())
    shape = latent_shape(system, prepared, tiny.latent_channels(system.pipe))
    layout = system.experts.family.layout
    _, f, h, w = shape
    started = rearrange(prepared.cond.x[:1], f"{layout} -> b c f h w", f=f, h=h, w=w)
    noise = noise_of(name, shape)
    known = torch.zeros_like(noise)
    known[:, :, :1] = started[:, :, :1]  # the picture, encoded
    plan = plans.given_frames(prepared.schedule.times, f)
    made = ours(system, prepared, noise, plan, known)
    begun = torch.cat([known[:, :, :1], noise[:, :, 1:]], dim=2)  # LTX wants the picture in it
    made_officially = theirs(system, name, options, begun)
    assert_same(made[:, :, 1:], made_officially[:, :, 1:])


@pytest.mark.parametrize("delay, chunk", [(1, 1), (2, 1), (2, 2)])
def test_a_staircase_is_the_asynchronous_mode_of_sky_reels(delay, chunk):
    system = official("sky_reels")
    options = {**options_for(system, "sky_reels"), "num_frames": 13}
    # which also tells the network how many frames see each other
    prepared = system.prepare(**options, causal_block_size=chunk, generator=generator())
    noise = noise_of("sky_reels", latent_shape(system, prepared, 4))
    plan = plans.staircase(prepared.schedule.times, 4, delay, chunk)
    made = ours(system, prepared, noise, plan)
    asynchronous = {"ar_step": delay, "causal_block_size": chunk}
    assert_same(made, theirs(system, "sky_reels", options, noise, **asynchronous))
    system.pipe.transformer._set_ar_attention(1)


def test_the_stochastic_solver_of_cogvideox():
    """It draws its noise twice a step, from the second step on, and uses the second."""
    system = Official(copy.copy(tiny.built("cogvideox")), None, None)
    system.experts = experts_of(system.pipe)
    before = system.pipe.scheduler
    system.pipe.scheduler = tiny.diffusers.CogVideoXDPMScheduler.from_config(before.config)
    try:
        options = options_for(system, "cogvideox")
        prepared = system.prepare(**options, generator=generator())
        assert prepared.schedule.solver == "dpmpp_2m_sde"
        noise = noise_of("cogvideox", latent_shape(system, prepared, 4))
        stream, steps = generator(), iter(range(5))

        def fresh(shape):
            b, c, f, h, w = shape
            draws = 2 if 0 < next(steps) < 4 else 1
            drawn = [torch.randn(b, f, c, h, w, generator=stream) for _ in range(draws)]
            return rearrange(drawn[-1], "b f c h w -> b c f h w")

        made = ours(system, prepared, noise, seeds=fresh)
        assert_same(made, theirs(system, "cogvideox", options, noise))
    finally:
        system.pipe.scheduler = before


def test_one_time_for_all_frames_is_not_several():
    system = official("cogvideox")
    prepared = system.prepare(**options_for(system, "cogvideox"), generator=generator())
    noise = noise_of("cogvideox", latent_shape(system, prepared, 4))
    plan = plans.staircase(prepared.schedule.times, noise.shape[2])
    with pytest.raises(UserError, match="one time for all frames"):
        ours(system, prepared, noise, plan)


def test_every_row_is_tested():
    tested = {type(network).__name__ for name in tiny.PIPELINES
              for network in official(name).experts.networks}  # fmt: skip
    assert tested == set(FAMILIES)


def test_a_class_without_a_row_is_named():
    with pytest.raises(UserError, match="no row for the network class 'WanTransformer4DModel'"):
        family_of("WanTransformer4DModel")
