"""Pipelines of diffusers as systems: the call, the strategies, the record."""

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.errors import UserError
from kinema.interop.official import Official
from kinema.video import generate_long
from kinema.video.official import OfficialPipeline, load_any
from tests.interop import tiny

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
PROMPT = "a red ball rolls"
OPTIONS = {"size": 32, "num_frames": 9, "num_steps": 3}

pytestmark = pytest.mark.filterwarnings("ignore::kinema.errors.Notice")  # the size is not its own


@pytest.fixture(scope="module")
def systems():
    names = ("wan", "wan_frame_times", "wan_image", "cogvideox", "svd", "sky_reels")
    return {name: OfficialPipeline(Official.of(tiny.built(name)), name) for name in names}


def test_the_same_video_as_the_official_pipeline(systems):
    """Noise, latents and decoded frames."""
    made = systems["wan"](PROMPT, **OPTIONS, seed=5, output_type="latent")
    noise = torch.randn(1, 4, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    options = {"num_frames": 9, "num_inference_steps": 3, "height": 32, "width": 32}
    pipe = tiny.built("wan")
    theirs = pipe(PROMPT, negative_prompt="", latents=noise, **options, output_type="latent").frames
    torch.testing.assert_close(made.frames, theirs, atol=1e-5, rtol=0)
    frames = systems["wan"](PROMPT, **OPTIONS, seed=5).frames
    theirs = pipe(PROMPT, negative_prompt="", latents=noise, **options, output_type="np").frames
    assert np.abs(frames / 255 - theirs).max() < 1 / 255


def test_a_row_is_that_row_alone(systems):
    both = systems["cogvideox"]([PROMPT, "a blue cube"], **OPTIONS, seed=1)
    alone = systems["cogvideox"]("a blue cube", **OPTIONS, seed=2)
    assert both.frames.shape == (2, 9, 32, 32, 3)
    assert np.array_equal(both.frames[1], alone.frames[0])


def test_the_defaults_are_those_of_the_pipeline(systems):
    wan, svd, cog = (systems[name].system for name in ("wan", "svd", "cogvideox"))
    assert (wan.num_frames, wan.size, wan.fps, wan.num_steps) == (81, (480, 832), 16, 50)
    assert (svd.num_frames, svd.size, svd.fps, svd.takes_prompts) == (5, (576, 1024), 7, False)
    assert (cog.num_frames, cog.size, cog.guidance_scale) == (9, (32, 32), 6)
    assert systems["wan"].multiple == (16, 16) and systems["svd"].multiple == (16, 16)


def test_a_picture_goes_in_as_the_network_can(systems):
    def given_by(name, prompt=PROMPT):
        made = systems[name](prompt, **OPTIONS, image=PICTURE)
        return made.settings["given_by"], np.abs(made.frames[0, 0].astype(int) - PICTURE).mean()

    by_plan, by_port = given_by("wan_frame_times"), given_by("wan_image")
    assert by_plan[0] == "plan" and by_port[0] == "picture, replacement"
    replaced = given_by("wan")
    assert replaced[0] == "replacement"
    # the codec is random: what is kept is the latent, as a plan keeps it
    assert replaced[1] == by_plan[1] != by_port[1]


def test_a_picture_where_there_must_be_one(systems):
    with pytest.raises(UserError, match="StableVideoDiffusionPipeline makes videos from a picture"):
        systems["svd"]("", **OPTIONS)
    options = OPTIONS | {"num_frames": 3, "num_steps": 1}
    assert systems["svd"]("", **options, image=PICTURE).frames.shape == (1, 3, 32, 32, 3)


@pytest.mark.parametrize("name", ["wan", "wan_frame_times", "wan_image"])
def test_long_videos_by_windows(systems, name, tmp_path):
    system = systems[name]
    system.system.num_frames, system.system.overlap = 9, 5
    image = PICTURE if name == "wan_image" else None
    options = {"size": 32, "num_frames": 17, "num_steps": 2, "image": image}
    made = system(PROMPT, **options, strategy="sliding")
    assert made.frames.shape == (1, 17, 32, 32, 3)
    assert made.joins == [9, 13]
    written = generate_long(system, PROMPT, "sliding", tmp_path / "long.mkv", **options)
    assert np.array_equal(clips.read(written.path).frames, made.frames[0])


def test_a_window_begins_with_the_picture_that_the_one_before_has_made(systems, monkeypatch):
    """Networks with a port for a picture see, in each window, its own first frame there."""
    system, seen = systems["wan_image"], []
    prepare = system.official.prepare
    monkeypatch.setattr(
        system.official, "prepare", lambda **o: seen.append(np.asarray(o["image"])) or prepare(**o)
    )
    system.memory.clear()
    system.system.num_frames, system.system.overlap = 9, 5
    options = {"size": 32, "num_frames": 13, "num_steps": 2, "image": PICTURE}
    made = system(PROMPT, **options, strategy="sliding")
    assert np.array_equal(seen[0], PICTURE)
    assert len(seen) == 2 and not np.array_equal(seen[1], PICTURE)
    assert made.frames.shape[1] == 13


def test_rolling_needs_a_time_for_every_frame(systems):
    options = {"size": 32, "num_frames": 25, "num_steps": 2, "strategy": "rolling"}
    systems["sky_reels"].system.num_frames = 13
    assert systems["sky_reels"](PROMPT, **options).frames.shape[1] == 25
    with pytest.raises(UserError, match="one time for all frames, and a rolling window"):
        systems["wan"](PROMPT, **options)


def test_blended_windows_have_no_picture_to_begin_with(systems):
    systems["wan_image"].system.num_frames = systems["wan"].system.num_frames = 9
    options = {"size": 32, "num_frames": 13, "num_steps": 2, "strategy": "blend"}
    assert systems["wan"](PROMPT, **options).frames.shape[1] == 13
    with pytest.raises(UserError, match="begins every window with a picture"):
        systems["wan_image"](PROMPT, **options, image=PICTURE)


@pytest.mark.parametrize("strategy", ["splice", "autoregressive", "keyframes", "crossfade"])
@pytest.mark.parametrize("name", ["wan", "wan_image"])
def test_every_other_strategy_runs(systems, name, strategy):
    systems[name].system.num_frames, systems[name].system.overlap = 13, 5
    image = PICTURE if name == "wan_image" else None
    options = {"size": 32, "num_frames": 21, "num_steps": 1, "strategy": strategy}
    assert systems[name](PROMPT, **options, image=image).frames.shape == (1, 21, 32, 32, 3)


@pytest.mark.parametrize("name, num_frames, sentence", [
    ("latte", 8, "makes 9 frames at a time, not 8"),
    ("animatediff", 33, "at most 32 frames at a time, not 33"),
])  # fmt: skip
def test_a_length_that_the_network_does_not_know_is_refused(name, num_frames, sentence):
    system = OfficialPipeline(Official.of(tiny.built(name)), name)
    options = {"size": 32, "num_frames": num_frames, "num_steps": 1, "strategy": "whole"}
    with pytest.raises(UserError, match=sentence):
        system(PROMPT, **options)


def test_a_clip_to_go_on_from(systems):
    clip = clips.Clip(np.stack([PICTURE] * 9), 16.0)
    made = systems["wan"](PROMPT, size=32, num_frames=8, num_steps=2, continue_from=clip)
    assert made.frames.shape == (1, 17, 32, 32, 3)
    assert np.array_equal(made.frames[0, :9], clip.frames)


def test_a_story_changes_the_prompt_on_the_way(systems):
    systems["wan"].system.num_frames, systems["wan"].system.overlap = 9, 5
    options = {"size": 32, "num_frames": 17, "num_steps": 2, "strategy": "sliding"}
    plain = systems["wan"](PROMPT, **options).frames[0]
    story = systems["wan"](f"0: {PROMPT}; 9: a blue cube", **options).frames[0]
    assert np.array_equal(plain[:9], story[:9]) and not np.array_equal(plain[13:], story[13:])


def test_a_video_made_anew_starts_from_it(systems):
    clip = clips.Clip(np.stack([PICTURE] * 9), 16.0)
    near = systems["wan"](PROMPT, size=32, num_steps=2, video=clip, strength=0.05)
    far = systems["wan"](PROMPT, size=32, num_steps=2, video=clip, strength=0.9)
    coded = systems["wan"].codec
    frames = clips.to_tensor(clip.frames)[None]
    back = clips.to_frames(coded.decode(coded.encode(frames), 9, (32, 32)).clamp(-1, 1)).astype(int)
    assert np.abs(near.frames - back).mean() < np.abs(far.frames - back).mean()


def test_the_record_says_what_was_used(systems):
    record = systems["wan"](PROMPT, **OPTIONS).settings
    assert record["pipeline"] == "WanPipeline" and record["solver"] == "unipc"
    assert record["scheduler"] == "UniPCMultistepScheduler" and record["num_steps"] == 3
    assert record["system"]["denoiser"] == "WanTransformer3DModel"


def test_loaded_by_any_name(tmp_path):
    tiny.built("wan").save_pretrained(tmp_path / "wan")
    system = load_any(str(tmp_path / "wan"))
    assert isinstance(system, OfficialPipeline)
    system.save_pretrained(tmp_path / "again")
    assert load_any(str(tmp_path / "again")).fingerprint() == system.fingerprint()
    half = load_any(str(tmp_path / "wan"), dtype="bf16")
    assert half(PROMPT, **OPTIONS).frames.shape == (1, 9, 32, 32, 3)
    with pytest.raises(UserError, match="no dtype 'int8'"):
        load_any(str(tmp_path / "wan"), dtype="int8")
    with pytest.raises(UserError, match="--dtype is of pipelines"):
        load_any("tabletop", dtype="bf16")
