"""Long videos of a tiny system, to files; killed for real and taken up again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.clips import Clip
from kinema.codecs import Pixels
from kinema.errors import Notice, UserError
from kinema.sampling.rollout import Autoregressive, Sliding
from kinema.storage import locked_file
from kinema.video import STRATEGIES, generate_long, long, strategy_named
from kinema.video.checkpoint import RolloutCheckpoint

PROMPT = "a red ball rolls to the right"
STORY = f"0: {PROMPT}; 20: fast green cone spins"
SHORT = Sliding(3, 1)


def frames_of(path):
    return clips.read(path).frames


def largest_difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_by_its_name(pipe, tmp_path, name):
    made = generate_long(pipe, PROMPT, name, tmp_path / "a.mkv", num_frames=30)
    frames = frames_of(made.path)
    assert frames.shape == (30, 16, 24, 3) and made.num_frames == 30
    assert frames.std() > 0
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a.mkv"]
    assert clips.read_metadata(made.path)["joins"] == made.joins


def test_one_window_is_the_ordinary_video(pipe, tmp_path):
    made = generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=9, seed=5)
    ordinary = pipe(PROMPT, num_frames=9, seed=5).frames[0]
    assert largest_difference(frames_of(made.path), ordinary) <= 1  # decoded segment by segment
    assert made.joins == []


def test_joins_are_where_segments_meet(pipe, tmp_path):
    made = generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=30)
    assert made.joins == [9, 17, 25]  # latents 3, 5, 7, of which the first makes 1 frame


def test_the_seed_decides(pipe, tmp_path):
    def made(name, seed):
        path = tmp_path / f"{name}.mkv"
        return frames_of(generate_long(pipe, PROMPT, SHORT, path, num_frames=20, seed=seed).path)

    a, b, c = made("a", 1), made("b", 1), made("c", 2)
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_a_story_changes_what_follows(pipe, tmp_path):
    whole = frames_of(generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=30).path)
    story = frames_of(generate_long(pipe, STORY, SHORT, tmp_path / "b.mkv", num_frames=30).path)
    assert np.array_equal(whole[:17], story[:17])
    assert largest_difference(whole[25:], story[25:]) > 2


@pytest.mark.filterwarnings("ignore:The last window")
def test_a_part_after_the_end_is_told(pipe, tmp_path):
    """Frames are counted in the file, which begins with the clip that is continued."""
    clip = Clip(np.zeros((5, 16, 24, 3), np.uint8), 16)
    options = {"num_frames": 4, "num_steps": 1, "continue_from": clip}
    story = f"0: {PROMPT}; 8: {PROMPT}; 9: spins"
    with pytest.warns(Notice, match=r"ends with frame 8, so it never comes to 9: spins\.$"):
        generate_long(pipe, story, SHORT, tmp_path / "a.mkv", **options)


def test_a_clip_goes_on_without_being_coded_again_at_the_joins(pipe, tmp_path, monkeypatch):
    encoded = []
    encode = pipe.codec.encode
    monkeypatch.setattr(pipe.codec, "encode", lambda x: encoded.append(x.shape[2]) or encode(x))
    clip = Clip(np.random.default_rng(0).integers(0, 256, (7, 16, 24, 3)).astype(np.uint8), 16)
    made = generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=20, continue_from=clip)
    frames = frames_of(made.path)
    assert len(frames) == made.num_frames == 27
    assert np.array_equal(frames[:7], clip.frames)
    assert encoded == [5]


def test_how_fast_it_plays_does_not_change_what_it_shows(textless, tmp_path):
    clip = Clip(np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8), 16)
    options = {"num_frames": 6, "continue_from": clips.write(clip, tmp_path / "x.mkv")}
    usual = generate_long(textless, "", Sliding(8, 3), tmp_path / "a.mkv", **options)
    slow = generate_long(textless, "", Sliding(8, 3), tmp_path / "b.mkv", fps=4, **options)
    assert clips.inspect(slow.path).fps == 4 and slow.num_frames == 11
    assert np.array_equal(frames_of(slow.path), frames_of(usual.path))


@pytest.mark.filterwarnings("ignore:The video cuts away")
def test_the_first_frame_can_be_given(pipe, tmp_path):
    picture = np.full((16, 24, 3), 90, np.uint8)
    made = generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=12, image=picture)
    coded = pipe.codec(clips.to_tensor(picture[None])[None])
    assert largest_difference(frames_of(made.path)[0], clips.to_frames(coded[0])[0]) <= 1


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_system_of_pixels_without_text_goes_on(textless, tmp_path, name):
    clip = Clip(np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8), 10)
    strategy = strategy_named(name, textless)
    made = generate_long(
        textless, "", strategy, tmp_path / "a.mkv", num_frames=30, continue_from=clip
    )
    frames = frames_of(made.path)
    assert frames.shape == (35, 16, 16, 3) and np.array_equal(frames[:5], clip.frames)


# A causal denoiser keeps its past ----------------------------------------------------------------


def test_the_cache_only_saves_work(causal, tmp_path):
    """While nothing is dropped: 17 frames are 5 latents, the chunks 2, 2 and 1 of them."""
    strategy, seen = Autoregressive(2, context=4), {}
    for cached in (False, True):
        shapes = []
        watch = causal.denoiser.register_forward_hook(
            lambda module, args, y, shapes=shapes: shapes.append(args[0].shape[:3:2])
        )
        target = tmp_path / f"{cached}.mkv"
        generate_long(causal, PROMPT, replace(strategy, cached=cached), target, num_frames=17)
        watch.remove()
        seen[cached] = set(map(tuple, shapes)), frames_of(target)
    assert largest_difference(seen[False][1], seen[True][1]) <= 1
    assert seen[False][0] == {(2, 2), (2, 4), (2, 6)}  # rows with and without the prompt, frames
    assert seen[True][0] == {(2, 2)}


def test_an_opening_within_a_chunk_is_refused(make_pipeline, tmp_path):
    pipe, picture = make_pipeline({"kind": "causal", "chunk": 3}), np.zeros((16, 24, 3), np.uint8)
    strategy, options = strategy_named("autoregressive", pipe), {"num_frames": 20, "num_steps": 1}
    clip = Clip(np.zeros((9, 16, 24, 3), np.uint8), 16)
    with pytest.raises(UserError, match="3 latent frames at a time, .* fills 1: choose another"):
        generate_long(pipe, PROMPT, strategy, tmp_path / "a.mkv", image=picture, **options)
    with pytest.raises(UserError, match="fills 2"):  # the system's overlap is 5 frames
        generate_long(pipe, PROMPT, strategy, tmp_path / "a.mkv", continue_from=clip, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_is_refused_where_the_future_is_seen(pipe, tmp_path):
    with pytest.raises(UserError, match="This DiT sees frames to come"):
        strategy = Autoregressive(2, context=4, cached=True)
        generate_long(pipe, PROMPT, strategy, tmp_path / "a.mkv", num_frames=17)


# Killed ------------------------------------------------------------------------------------------


class Killed(BaseException):
    pass


def stop_after_every_second_segment(pipe, strategy, tmp_path, monkeypatch):
    """The finished file must be that of a run that was not stopped."""
    options = {"num_frames": 26, "num_steps": 2}
    whole = generate_long(pipe, PROMPT, strategy, tmp_path / "whole.mkv", **options)
    append, count = RolloutCheckpoint.append, [0]

    def stop_after_the_second(self, segment):
        append(self, segment)
        count[0] += 1
        if count[0] % 2 == 0:
            raise Killed

    monkeypatch.setattr(RolloutCheckpoint, "append", stop_after_the_second)
    target = tmp_path / "again.mkv"
    while not target.exists():
        try:
            generate_long(pipe, PROMPT, strategy, target, **options)
        except Killed:
            assert not target.exists() and (tmp_path / "again.mkv.part").is_dir()
    assert count[0] > 2
    assert target.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("splice", "whole")])
def test_stopped_at_any_segment_it_goes_on_bit_for_bit(pipe, tmp_path, monkeypatch, name):
    stop_after_every_second_segment(pipe, strategy_named(name, pipe), tmp_path, monkeypatch)


def test_stopped_at_any_segment_it_goes_on_with_its_cache(causal, tmp_path, monkeypatch):
    strategy = replace(strategy_named("autoregressive", causal), guidance=1.5, level=0.1)
    assert strategy.cached
    stop_after_every_second_segment(causal, strategy, tmp_path, monkeypatch)


def test_killed_with_kill_9_the_finished_file_is_the_same(saved, tmp_path):
    def command(target):
        words = ["generate", PROMPT, "--long", "sliding", "--model", str(saved), "--seed", "3"]
        words += ["--num-frames", "200", "--num-steps", "1", "-o", str(target)]
        return [sys.executable, "-m", "kinema.cli", *words]

    def finish(target):
        done = subprocess.run(command(target), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return target.read_bytes()

    target = tmp_path / "long.mp4"
    state = tmp_path / "long.mp4.part" / "state.safetensors"
    process = subprocess.Popen(command(target), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not state.exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stdout.read().decode()
    assert state.exists() and not target.exists()
    # Three processes: this one may run with other threads, or other kernels chosen by then.
    assert finish(target) == finish(tmp_path / "whole.mp4")


def test_another_request_does_not_go_on_with_what_was_left(
    pipe, make_pipeline, tmp_path, monkeypatch
):
    def killed(self, segment):
        append(self, segment)
        raise Killed

    append = RolloutCheckpoint.append
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(RolloutCheckpoint, "append", killed)
        generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=20)
    with pytest.raises(UserError, match="differs in first_seed"):
        generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=20, seed=1)
    with pytest.raises(UserError, match="differs in system: delete it"):
        other = make_pipeline(solver="heun")
        generate_long(other, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=20)
    for part in ("denoiser", "codec", "text"):
        other = make_pipeline()
        with torch.no_grad():
            next(getattr(other, part).parameters()).view(-1)[0] += 1
        with pytest.raises(UserError, match="differs in weights: delete it"):
            generate_long(other, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=20)


def test_a_second_process_at_the_same_file_is_told_so(pipe, tmp_path):
    with locked_file(tmp_path / "a.mkv"), pytest.raises(UserError, match="in use by process"):
        generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mkv", num_frames=20)


# What goes wrong ---------------------------------------------------------------------------------


def test_mistakes(pipe, tmp_path):
    with pytest.raises(UserError, match="frame by frame, to .mp4 or .mkv"):
        generate_long(pipe, PROMPT, SHORT, tmp_path / "a.gif")
    with pytest.raises(UserError, match="one at a time"):
        generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mp4", num_videos=2)
    with pytest.raises(UserError, match="leave output_type out"):
        generate_long(pipe, PROMPT, SHORT, tmp_path / "a.mp4", output_type="pt")
    assert list(tmp_path.iterdir()) == []


def test_a_codec_that_cannot_stream():
    class Coupled:
        factors = (4, 8, 8)

    with pytest.raises(UserError, match="cannot decode a long video"):
        long.decoded_frames(Coupled(), iter([]), 1, (8, 8))


def test_a_codec_of_single_frames_needs_no_stream():
    chunks = iter([torch.zeros(1, 3, 2, 8, 8), torch.ones(1, 3, 1, 8, 8)])
    frames = list(long.decoded_frames(Pixels(), chunks, 3, (8, 8)))
    assert [int(frame[0, 0, 0]) for frame in frames] == [128, 128, 255]
