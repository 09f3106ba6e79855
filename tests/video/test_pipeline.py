import copy
import json
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.clips import Clip
from kinema.codecs import Pixels
from kinema.conditions import NoText, SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import Notice, UserError
from kinema.sampling.rollout import noise, setup
from kinema.video import STRATEGIES, Output, System, VideoPipeline, generate_long, pipeline
from kinema.video.pipeline import appended, converted, step_bar, steps_of

PROMPT = "a red ball rolls"


def furthest(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference in grey levels."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_text_to_video(pipe):
    output = pipe(PROMPT)
    assert output.frames.shape == (1, 9, 16, 24, 3)
    assert output.frames.dtype == np.uint8
    assert (output.fps, output.prompt, output.seed) == (16, PROMPT, 0)
    assert output.settings["num_steps"] == 3
    assert output.settings["model"] == "tiny"


@pytest.mark.parametrize("num_frames", [1, 2, 5, 6, 12])
def test_every_length(pipe, num_frames):
    assert pipe(PROMPT, num_frames=num_frames).frames.shape[1] == num_frames


def test_the_same_seed_gives_the_same_frames(pipe):
    assert np.array_equal(pipe(PROMPT, seed=4).frames, pipe(PROMPT, seed=4).frames)
    assert furthest(pipe(PROMPT, seed=4).frames, pipe(PROMPT, seed=5).frames) > 8


def test_alone_and_in_a_batch(pipe):
    together = pipe(PROMPT, num_videos=3, seed=7)
    assert together.seeds == [7, 8, 9]
    for k in range(3):
        assert furthest(pipe(PROMPT, seed=7 + k).frames[0], together.frames[k]) <= 1


def test_alone_and_among_longer_prompts(pipe):
    prompts = ["a red ball rolls to the right behind a blue cube", PROMPT]
    together = pipe(prompts, seed=[3, 9])
    assert together.prompts == prompts
    assert furthest(pipe(PROMPT, seed=9).frames[0], together.frames[1]) <= 1


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_batch_size_does_not_show(pipe, batch_size):
    whole = pipe(PROMPT, num_videos=3).frames
    assert furthest(pipe(PROMPT, num_videos=3, batch_size=batch_size).frames, whole) <= 1


def test_in_half_precision_the_video_is_nearly_the_same(pipe):
    options = {"num_frames": 9, "seed": 3}
    whole, half = (p(PROMPT, **options).frames for p in (pipe, copy.deepcopy(pipe).bfloat16()))
    assert np.abs(whole.astype(int) - half).mean() < 2


def test_a_pipeline_makes_videos_in_its_precision(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "system")
    with pytest.raises(UserError, match="precision is 'half'"):
        VideoPipeline.from_pretrained(tmp_path / "system", "half")
    half = VideoPipeline.from_pretrained(tmp_path / "system", "bf16")
    whole = VideoPipeline.from_pretrained(tmp_path / "system")
    types = []
    for one in (whole, half):
        one.denoiser.register_forward_hook(
            lambda *_: types.append(torch.get_autocast_dtype("cpu") if autocasts() else None)
        )
    videos = [one(PROMPT, num_frames=9, seed=3).frames.astype(int) for one in (whole, half)]
    assert set(types) == {None, torch.bfloat16}
    assert 0 < np.abs(videos[0] - videos[1]).mean() < 2


def autocasts() -> bool:
    return torch.is_autocast_enabled("cpu")


def test_a_stochastic_solver_too(make_pipeline):
    pipe = make_pipeline(solver="ancestral")
    together = pipe(PROMPT, num_videos=2, seed=1)
    assert furthest(pipe(PROMPT, seed=2).frames[0], together.frames[1]) <= 1


def test_prompt_guidance_and_negative_prompt_matter(pipe):
    frames = pipe(PROMPT).frames
    assert furthest(frames, pipe("fast green cone spins").frames) > 2
    assert furthest(frames, pipe(PROMPT, guidance_scale=5).frames) > 2
    assert furthest(frames, pipe(PROMPT, negative_prompt="a blue cube").frames) > 0
    off = pipe(PROMPT, guidance_scale=1).frames
    assert furthest(off, pipe(PROMPT, guidance_scale=1, negative_prompt="a blue cube").frames) == 0


def test_the_users_language(pipe):
    ours = pipe(PROMPT, num_steps=2, seed=11).frames
    generator = torch.Generator().manual_seed(11)
    options = {"num_inference_steps": 2, "generator": generator}
    assert np.array_equal(pipe(PROMPT, **options).frames, ours)
    assert furthest(pipe(PROMPT, **options).frames, ours) > 8  # it draws another
    both = [torch.Generator().manual_seed(seed) for seed in (4, 11)]
    rows = pipe(PROMPT, num_steps=2, generator=both, num_videos=2)
    assert rows.seeds == [4, 11] and furthest(rows.frames[1], ours[0]) <= 1
    shown = pipe(PROMPT, num_steps=2, seed=11, height=16, width=24, output_type="pt")
    assert shown.frames.shape == (1, 9, 3, 16, 24) and shown.frames.min() >= 0
    assert np.array_equal(shown.clips[0].frames, ours[0])
    assert pipe(PROMPT, output_type="latent").frames.shape == (1, 4, 3, 2, 3)


def test_callback_sees_every_step(pipe):
    seen = []
    pipe(PROMPT, callback_on_step_end=lambda *a: seen.append((a[0], a[1], a[2], a[3]["latents"])))
    assert [step for _, step, _, _ in seen] == [0, 1, 2]
    assert all(who is pipe for who, *_ in seen)
    times = [t for _, _, t, _ in seen]
    assert times == sorted(times, reverse=True) and times[-1] == 0
    assert seen[0][3].shape == (1, 4, 3, 2, 3)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_callback_is_told_by_every_strategy(pipe, strategy):
    seen = []
    pipe(PROMPT, num_frames=13, strategy=strategy, callback_on_step_end=lambda *a: seen.append(a))
    assert {who for who, *_ in seen} == {pipe}
    assert {0, 1, 2} <= {step for _, step, _, _ in seen}
    assert min(t for _, _, t, _ in seen) == 0
    assert all(told["latents"].isfinite().all() for *_, told in seen)


# Guidance ----------------------------------------------------------------------------------------

GUIDED = ["classifier-free:rescale=0.5", "adaptive-projected", "zero-star", "history"]
GUIDED += ["per-condition:history_scale=3", "autoguidance"]


@pytest.mark.parametrize("name", GUIDED)
@pytest.mark.parametrize("num_frames", [9, 20])
def test_every_guidance_makes_its_own_video(pipe, saved, name, num_frames):
    """Of one window and of several; alone and in a batch."""
    picture = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    name = f"{name}:model={saved}" if name == "autoguidance" else name
    options = {"image": picture, "num_frames": num_frames, "guidance_scale": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)  # of the cut after a picture of noise
        plain = pipe(PROMPT, seed=2, **options).frames[0]
        guided = pipe(PROMPT, seed=1, num_videos=2, guidance=name, **options)
        alone = pipe(PROMPT, seed=2, guidance=name, **options).frames[0]
    assert furthest(guided.frames[1], plain) > 1
    assert furthest(guided.frames[1], alone) <= 1
    assert guided.settings["guidance"]["kind"] == name.split(":")[0]


def test_autoguidance_by_the_system_itself_changes_nothing(pipe, saved):
    own = pipe(PROMPT, guidance=f"autoguidance:model={saved}", guidance_scale=7).frames
    assert furthest(own, pipe(PROMPT, guidance_scale=1).frames) <= 1


def test_projected_guidance_that_keeps_all_is_classifier_free(pipe):
    kept = pipe(PROMPT, guidance="adaptive-projected:eta=1", guidance_scale=3).frames
    assert furthest(kept, pipe(PROMPT, guidance_scale=3).frames) <= 1


# Video to video ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_video_is_made_anew_as_far_as_its_strength_says(pipe, strategy):
    frames = np.random.default_rng(0).integers(0, 256, (13, 16, 24, 3)).astype(np.uint8)
    options = {"video": Clip(frames, 16), "strategy": strategy, "seed": 3}
    coded = clips.to_frames(pipe.codec(clips.to_tensor(frames)[None]))[0]

    def distance(strength):
        made = pipe(PROMPT, strength=strength, **options).frames[0].astype(int)
        assert made.shape == frames.shape
        return np.abs(made - coded).mean()

    nothing, little, much = map(distance, (1e-4, 0.1, 0.9))
    assert nothing < 1 and nothing < little < much


def test_all_strength_is_text_to_video(pipe):
    clip = Clip(np.zeros((9, 16, 24, 3), np.uint8), 16)
    made = pipe(PROMPT, video=clip, strength=1.0, seed=6).frames
    assert furthest(made, pipe(PROMPT, seed=6).frames) <= 1


# Pixels is the codec through which given frames come back unchanged -------------------------------


@pytest.fixture(scope="module")
def in_pixels():
    torch.manual_seed(1)
    text = SmallTextEncoder.from_corpus([PROMPT], SmallTextConfig(dim=16, depth=1, num_heads=2))
    denoiser = DiT(DiTConfig(channels=3, dim=32, depth=1, num_heads=2, text_dim=16))
    system = System(num_frames=6, size=(8, 8), num_steps=2, overlap=2)
    return VideoPipeline(denoiser, Pixels(), text, system)


def test_the_first_frame_is_the_image(in_pixels):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    output = in_pixels(PROMPT, image=image, num_videos=2)
    assert output.frames.shape == (2, 6, 8, 8, 3)
    assert np.array_equal(output.frames[:, 0], np.stack([image, image]))
    assert furthest(output.frames[0], output.frames[1]) > 8


def test_a_continuation_begins_with_the_clip(in_pixels):
    clip = Clip(np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3)).astype(np.uint8), 16)
    output = in_pixels(PROMPT, continue_from=clip, num_videos=2)
    assert output.frames.shape == (2, 7 + 4, 8, 8, 3)  # as many new as a window of 6 holds after 2
    assert np.array_equal(output.frames[0, :7], clip.frames)


@pytest.mark.parametrize(("new", "windows"), [(1, 1), (4, 1), (5, 1), (6, 2), (11, 3)])
def test_a_long_continuation_slides_in_latents(in_pixels, monkeypatch, new, windows):
    given = []
    sample = setup.sample

    def spy(denoise, noise, plan, *args, **kwargs):
        given.append(int((plan[0] == 0).sum()))
        return sample(denoise, noise, plan, *args, **kwargs)

    monkeypatch.setattr(setup, "sample", spy)
    clip = Clip(np.zeros((1, 8, 8, 3), np.uint8), 16)
    output = in_pixels(PROMPT, continue_from=clip, num_frames=new)
    assert output.frames.shape[1] == 1 + new
    assert given == [1, 2, 2][:windows]


def test_beyond_a_window_it_is_the_long_video_of_the_default_strategy(pipe, tmp_path):
    options = {"num_frames": 20, "seed": 3}
    output = pipe([PROMPT, "a blue cube"], **options)
    made = generate_long(pipe, PROMPT, None, tmp_path / "a.mkv", **options)
    assert furthest(output.frames[0], clips.read(made.path).frames) <= 1
    assert output.joins == made.joins == [9, 13, 17]
    written = clips.read_metadata(made.path)
    expected = json.loads(json.dumps(output.clips[0].metadata))
    assert written == expected  # one record for short and long


def test_a_story_without_a_strategy(pipe):
    """Every video of a batch has its own."""
    stories = [f"0: {PROMPT}; 11: a blue cube", f"0: {PROMPT}; 13: fast green cone"]
    told = pipe(stories, num_frames=21, seed=[4, 4]).frames
    plain = pipe(PROMPT, num_frames=21, seed=4).frames[0]
    for video in told:
        assert furthest(video[:9], plain[:9]) <= 1
        assert furthest(video[17:], plain[17:]) > 2
    assert furthest(told[0, 17:], told[1, 17:]) > 2


@pytest.mark.filterwarnings("ignore:This model was trained at")
def test_a_file_is_continued_at_its_size(pipe, tmp_path):
    path = clips.write(Clip(np.full((9, 32, 16, 3), 90, np.uint8), 16), tmp_path / "x.mkv")
    output = pipe(PROMPT, continue_from=path, num_frames=3)
    assert output.frames.shape == (1, 12, 32, 16, 3)
    assert output.settings["continue_from"] == str(path)


def test_how_fast_a_continuation_plays_does_not_change_what_it_shows(in_pixels, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3)).astype(np.uint8)
    path = clips.write(Clip(frames, 16), tmp_path / "x.mkv")  # the system's rate
    slow, usual = (in_pixels(PROMPT, continue_from=path, fps=fps) for fps in (4, None))
    assert (slow.fps, usual.fps) == (4, 16)
    assert np.array_equal(slow.frames, usual.frames)


def test_only_whole_latents_are_given(pipe, monkeypatch):
    lengths = []
    encode = pipe.codec.encode
    monkeypatch.setattr(pipe.codec, "encode", lambda x: lengths.append(x.shape[2]) or encode(x))
    for length in (3, 4, 5, 8):
        clip = Clip(np.zeros((length, 16, 24, 3), np.uint8), 16)
        pipe(PROMPT, continue_from=clip, num_frames=2)
    assert lengths == [1, 1, 5, 5]


# What goes wrong ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:This model was trained at")
def test_sizes_it_cannot_make(pipe):
    with pytest.warns(Notice, match="cannot make 17x30 pixels; it makes 16x32"):
        assert pipe(PROMPT, size=(17, 30)).frames.shape[2:4] == (16, 32)


def test_unknown_words_are_named_once(pipe):
    with pytest.warns(Notice, match='"purple", "elephant"') as caught:
        pipe(["a purple elephant", "a red elephant"])
    assert len(caught) == 1


def test_known_words_are_not(pipe):
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        pipe(PROMPT, negative_prompt="a blue cube")


@pytest.mark.parametrize("prompt", ["", "  ", [], ["a red ball", ""]])
def test_empty_prompts(pipe, prompt):
    with pytest.raises(UserError, match="prompt is empty"):
        pipe(prompt)


def test_a_system_without_text_takes_no_prompt(textless):
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        silent = textless("", seed=3)
    with pytest.warns(Notice, match="prompt has no effect") as caught:
        told = textless("a red ball", seed=3)
    assert len(caught) == 1 and silent.prompts == [""]
    assert np.array_equal(silent.frames, told.frames)


def test_weights_that_are_not_finite_make_no_video(make_pipeline, tmp_path):
    pipe = make_pipeline()
    with torch.no_grad():
        next(pipe.denoiser.parameters()).view(-1)[0] = float("nan")
    with pytest.raises(UserError, match="values that are not finite numbers"):
        pipe(PROMPT)
    with pytest.raises(UserError, match="values that are not finite numbers"):
        generate_long(pipe, PROMPT, "rolling", tmp_path / "a.mkv", num_frames=20)
    assert not (tmp_path / "a.mkv").exists()


def test_a_picture_that_the_video_cuts_away_from_is_told(pipe, tmp_path, monkeypatch):
    picture = np.full((16, 24, 3), 255, np.uint8)
    decode = pipe.codec.decode

    def cut(latents, num_frames=None, size=None):
        frames = decode(latents, num_frames, size)
        frames[:, :, 0], frames[:, :, 1:] = 1, -1
        return frames

    monkeypatch.setattr(pipe.codec, "decode", cut)
    with pytest.warns(Notice, match="cuts away from the picture at frame 1"):
        pipe(PROMPT, image=picture)


def test_bad_pictures_and_clips(pipe, tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    for name in ("image", "continue_from"):
        for file in ("x.png", "none.png"):
            with pytest.raises(UserError, match=file):
                pipe(PROMPT, **{name: tmp_path / file})


# Loading and saving ------------------------------------------------------------------------------


def test_saved_and_loaded_is_the_same(pipe, saved):
    loaded = VideoPipeline.from_pretrained(saved)
    assert np.array_equal(loaded(PROMPT, seed=3).frames, pipe(PROMPT, seed=3).frames)
    assert loaded.system == pipe.system
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_a_pipeline_leaves_training_weights_trainable(make_pipeline):
    pipe = make_pipeline()
    pipe(PROMPT)
    assert all(weight.requires_grad for weight in pipe.denoiser.parameters())


def test_push_to_hub_uploads_a_folder_that_loads(pipe, monkeypatch, tmp_path):
    calls = []

    class Hub:
        def __init__(self, token):
            calls.append(token)

        def create_repo(self, repo_id, private, exist_ok):
            calls.append((repo_id, private, exist_ok))

        def upload_folder(self, repo_id, folder_path):
            VideoPipeline.from_pretrained(folder_path)
            shutil.copy(f"{folder_path}/README.md", tmp_path / "card")
            return f"https://hub/{repo_id}"

    monkeypatch.setattr(pipeline, "HfApi", Hub)
    assert pipe.push_to_hub("me/tiny", private=True, token="t") == "https://hub/me/tiny"
    assert calls[:2] == ["t", ("me/tiny", True, True)]
    assert 'kinema.load("me/tiny")' in (tmp_path / "card").read_text()


def test_a_causal_network_completes_the_same_whatever_comes_after(monkeypatch):
    torch.manual_seed(0)
    given, drawn = torch.rand(2, 3, 3, 16, 16) * 2 - 1, torch.randn(2, 3, 12, 16, 16)
    monkeypatch.setattr(
        noise.RowNoise, "__call__", lambda self, shape: drawn[:, :, : shape[2]].clone()
    )
    system = System(prediction="x0", num_frames=12, size=(16, 16), num_steps=2, guidance_scale=1.0)
    for attention in ("causal", "full"):
        config = DiTConfig(channels=3, dim=32, depth=2, num_heads=2, patch=(1, 8, 8), text_dim=0,
                           attention=attention)  # fmt: skip
        network = DiT(config)
        for parameter in network.parameters():  # gates start at zero: let everything count
            torch.nn.init.normal_(parameter, std=0.1)
        whole = VideoPipeline(network.eval(), Pixels(), NoText(), system)
        short, long = (whole.complete(given, length, [0, 1]) for length in (7, 12))
        assert torch.equal(short[:, :, :3], given) and long.shape == (2, 3, 12, 16, 16)
        same = torch.allclose(short, long[:, :, :7], atol=1e-5)
        assert same == (attention == "causal")


def output(n: int) -> Output:
    frames = np.zeros((n, 5, 16, 24, 3), np.uint8)
    return Output(frames, 16, ["a red ball"] * n, list(range(7, 7 + n)), {"num_steps": 3})


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".mkv"])
def test_one_video_with_its_recipe_inside(tmp_path, suffix):
    assert output(1).save(tmp_path / f"ball{suffix}") == [tmp_path / f"ball{suffix}"]
    clip = clips.read(tmp_path / f"ball{suffix}")
    assert clip.text == "a red ball"
    assert clip.metadata == {
        "prompt": "a red ball",
        "seed": 7,
        "settings": {"num_steps": 3, "story": [[0, "a red ball"]], "first_seed": 7},
        "joins": [],
    }


def test_several_videos_and_a_sheet(tmp_path):
    files = output(3).save(tmp_path / "ball.mp4")
    assert [f.name for f in files] == ["ball-0.mp4", "ball-1.mp4", "ball-2.mp4", "ball.png"]
    assert [clips.read_metadata(f)["seed"] for f in files[:3]] == [7, 8, 9]


def test_an_unknown_suffix(tmp_path):
    with pytest.raises(UserError, match="suffix"):
        output(1).save(tmp_path / "ball.avi")


@pytest.mark.parametrize("output_type", ["np", "pt", "pil"])
def test_frames_of_every_type_are_the_same_frames(tmp_path, output_type):
    video = torch.rand(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = clips.to_frames(video)
    parts = [converted(video[:1], output_type), converted(video[1:], output_type)]
    made = Output(appended(parts), 16, ["a", "b"], [0, 1], output_type=output_type)
    assert all(np.array_equal(a, b) for a, b in zip(made.arrays(), expected, strict=True))
    assert len(made.save(tmp_path / "x.mkv")) == 3
    if output_type == "pt":
        assert made.frames.shape == (2, 4, 3, 8, 8)
        torch.testing.assert_close(made.frames[1, 2, 0], (video[1, 0, 2] + 1) / 2)
    if output_type == "pil":
        assert made.frames[1][3].size == (8, 8)


def test_latents_are_not_saved_as_frames(tmp_path):
    latents = Output(torch.zeros(1, 4, 2, 2, 2), 16, ["a"], [0], output_type="latent")
    with pytest.raises(UserError, match="Latents are no frames"):
        latents.save(tmp_path / "x.mkv")


def test_nothing_is_printed_where_nobody_watches(capfd):
    for shown in (True, False):
        with step_bar(3, shown) as advance:
            for _ in range(3):
                advance()
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_a_bar_on_a_terminal(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with step_bar(3, shown=True) as advance:
        advance()
        advance()
    assert "2/3" in capfd.readouterr().err


def test_the_bar_moves_with_the_calls_of_a_network(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    network = torch.nn.Identity()
    with steps_of(network, 4, shown=True):
        for _ in range(3):
            network(1)
    assert "3/4" in capfd.readouterr().err
    assert not network._forward_hooks


WITH_TWO_THREADS = """
import torch
import kinema
from kinema.blocks.precision import computing_in

torch.set_num_threads(2)
kinema.load("tabletop")
with computing_in("fp32"):
    print(int((torch.full((2**20,), 1e-20) * 1e-20).count_nonzero()))
"""


def test_no_thread_that_loading_starts_computes_with_denormals():
    words = [sys.executable, "-c", WITH_TWO_THREADS]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout.split() == ["0"], done.stderr
