import json
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kinema import clips
from kinema.clips import Clip
from kinema.clips.demux import Frame
from kinema.clips.reading import at_rate
from kinema.errors import UserError


@pytest.fixture
def path(tmp_path, clip):
    return clips.write(clip, tmp_path / "x.mkv")


@pytest.mark.parametrize(("start", "stride", "count"), [(0, 1, 9), (2, 3, 2), (8, 1, 1), (1, 2, 4)])
def test_start_and_stride(path, frames, start, stride, count):
    clip = clips.read(path, start=start, stride=stride, num_frames=count)
    assert np.array_equal(clip.frames, frames[start::stride][:count])
    assert clip.fps == 16 / stride


def test_too_many_frames_asked(path):
    with pytest.raises(UserError, match=r"x\.mkv holds 3 frames from frame 6 at stride 1, not 5"):
        clips.read(path, start=6, num_frames=5)
    with pytest.raises(UserError, match="holds 0 frames"):
        clips.read(path, start=9)


def test_size_is_cropped_in_the_decoder(path):
    assert clips.read(path, size=(16, 16)).frames.shape == (9, 16, 16, 3)


def test_stream_reads_one_frame_at_a_time(path, frames):
    stream = clips.stream(path)
    assert np.array_equal(next(stream), frames[0])
    assert np.array_equal(next(stream), frames[1])
    stream.close()


@pytest.mark.parametrize("fps", [8, 16, 32, 5])
def test_resampling_keeps_the_duration(path, frames, fps):
    clip = clips.read(path, fps=fps)
    assert clip.fps == fps
    assert abs(clip.seconds - 9 / 16) <= 0.5 / fps
    shown = [int(frame[31, 0, 2]) - 90 for frame in clip.frames]  # the blue of a corner counts
    assert all(abs(number - 16 * k / fps) <= 8 / fps + 0.6 for k, number in enumerate(shown))
    if fps >= 16:
        assert shown == sorted(list(range(9)) * (fps // 16))


@given(st.lists(st.floats(0.01, 0.4), min_size=1, max_size=8), st.sampled_from([4, 10, 25]))
def test_frame_k_is_the_one_shown_at_that_time(durations, fps):
    times = np.concatenate([[0], np.cumsum(durations)[:-1]])
    source = [Frame(i, t, d) for i, (t, d) in enumerate(zip(times, durations, strict=True))]
    shown = list(at_rate(iter(source), fps, Path("x.gif")))
    assert shown == sorted(shown)  # never back in time
    assert len(shown) == max(int(np.floor((times[-1] + durations[-1]) * fps + 0.5)), 1)
    for k, number in enumerate(shown):
        assert times[number] <= (k + 0.5) / fps + 1e-9 or k == 0


def test_inspect_knows_what_read_gives(tmp_path, square):
    clip = Clip(square(7, 31, 47), 12, "words", {"seed": 1})
    for suffix in clips.FORMATS:
        info = clips.inspect(clips.write(clip, tmp_path / f"x{suffix}"))
        assert (info.num_frames, info.fps, info.height, info.width) == (7, 12, 31, 47)
        assert (info.text, info.metadata) == ("words", {"seed": 1})


def test_the_notes_of_others_are_left_alone(tmp_path, frames):
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as output:
        output.metadata.update(title="theirs", comment='{"kinema": not JSON')
        track = output.add_stream("libx264", rate=10)
        track.height, track.width, track.pix_fmt = 32, 48, "yuv420p"
        output.mux(track.encode(av.VideoFrame.from_ndarray(frames[0], format="rgb24")))
        output.mux(track.encode())
    clip = clips.read(path)
    assert (clip.text, clip.metadata) == ("theirs", {})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.mp4", None, "does not exist"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"hello, this is no video\n" * 9, "is not a video"),
        ("noise.mp4", bytes(range(256)) * 20, "is not a video"),
        ("riff.webp", b"RIFF\x10\0\0\0WEBPgarbage", "is not a video"),
        (".", None, "is a folder"),
    ],
)
def test_every_bad_file_is_one_sentence(tmp_path, name, content, said):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    for read in (clips.read, clips.inspect, clips.read_metadata, lambda p: list(clips.stream(p))):
        with pytest.raises(UserError, match=said) as caught:
            read(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def annotated(path, frames, comment):
    """A file as anybody can make it, with any comment."""
    with av.open(str(path), "w") as output:
        output.metadata.update(title="theirs", comment=comment)
        track = output.add_stream("libx264", rate=10)
        track.height, track.width, track.pix_fmt = 32, 48, "yuv420p"
        for frame in frames:
            output.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(track.encode())
    return path


def test_a_malformed_note_is_no_note(tmp_path, frames):
    own = {"text": "ours", "fps": 1e5, "num_frames": 9, "size": [32, 48]}
    path = annotated(tmp_path / "x.mp4", frames, json.dumps({"kinema": own, "seed": 1}))
    info, clip = clips.inspect(path), clips.read(path)
    assert (info.fps, info.text, info.metadata, info.num_frames) == (10, "theirs", {}, 9)
    assert (clip.fps, clip.text, clip.metadata) == (10, "theirs", {})


def test_a_note_that_promises_too_many_frames_is_refused(tmp_path, frames):
    own = {"text": "", "fps": 10, "num_frames": 10**6, "size": [10_000, 10_000]}
    path = annotated(tmp_path / "x.mp4", frames, json.dumps({"kinema": own}))
    with pytest.raises(UserError, match="promises 1000000 frames, 9 can be read"):
        clips.inspect(path)


def test_a_size_in_a_note_only_trims(tmp_path, frames):
    own = {"text": "", "fps": 10, "num_frames": 9, "size": [31, 9999]}
    path = annotated(tmp_path / "x.mp4", frames, json.dumps({"kinema": own}))
    info = clips.inspect(path)
    assert (info.height, info.width) == (31, 48) == clips.read(path).size


# ---- small files that become large -----------------------------------------------------------


def test_a_gap_in_time_is_not_filled_without_end(tmp_path, frames, monkeypatch):
    pictures = [Image.fromarray(frame) for frame in frames[:3]]
    durations = [100, 600_000, 100]
    rest = {"save_all": True, "append_images": pictures[1:], "duration": durations}
    pictures[0].save(tmp_path / "x.gif", **rest)
    with pytest.raises(UserError, match="gaps in time.*KINEMA_MAX_REPEATS"):
        clips.read(tmp_path / "x.gif", fps=100)
    assert len(clips.read(tmp_path / "x.gif", fps=2)) == 1201 - 1
    monkeypatch.setenv("KINEMA_MAX_REPEATS", "100")
    with pytest.raises(UserError, match="gaps in time"):
        clips.read(tmp_path / "x.gif", fps=2)


def test_a_file_that_takes_too_much_memory_is_refused(path, monkeypatch):
    monkeypatch.setenv("KINEMA_MAX_CLIP_MB", str((6 + 8.5) * 32 * 48 * 3 / 1e6))
    with pytest.raises(UserError, match="memory as frames.*KINEMA_MAX_CLIP_MB"):
        clips.read(path)
    assert len(clips.read(path, num_frames=8)) == 8
    assert len(clips.read(path, num_frames=9, size=(32, 48))) == 9  # as the caller said
    assert len(list(clips.stream(path))) == 9


def test_a_frame_with_too_many_pixels_is_refused(path, monkeypatch):
    monkeypatch.setenv("KINEMA_MAX_PIXELS", str(32 * 48 - 1))
    for read in (clips.read, clips.inspect):
        with pytest.raises(UserError, match="48 x 32 pixels.*KINEMA_MAX_PIXELS"):
            read(path)
