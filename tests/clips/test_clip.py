import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema import clips
from kinema.clips import FORMATS, Clip
from kinema.clips import clip as writing
from kinema.clips.clip import Note, read_note, write_note
from kinema.errors import UserError


def test_size_and_length(frames):
    clip = Clip(frames, 12.5)
    assert clip.size == (32, 48)
    assert len(clip) == 9
    assert clip.seconds == pytest.approx(9 / 12.5)


@pytest.mark.parametrize(
    ("frames", "fps", "said"),
    [
        (np.zeros((2, 4, 4, 3)), 16, "float64"),
        ([[0]], 16, "list"),
        (np.zeros((4, 4, 3), np.uint8), 16, r"\(4, 4, 3\)"),
        (np.zeros((2, 4, 4, 4), np.uint8), 16, r"\(2, 4, 4, 4\)"),
        (np.zeros((0, 4, 4, 3), np.uint8), 16, r"\(0, 4, 4, 3\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), 0, "positive"),
        (np.zeros((2, 4, 4, 3), np.uint8), float("nan"), "positive"),
    ],
)
def test_what_is_no_clip_is_refused(frames, fps, said):
    with pytest.raises(ValueError, match=said):
        Clip(frames, fps)


WHOLE = {"text": "a ball", "fps": 16.5, "num_frames": 9, "size": [32, 48]}


def test_a_note_comes_back():
    note = Note("a ball", 16.5, 9, (32, 48), {"seed": 3})
    assert read_note(write_note(note)) == note
    assert json.loads(write_note(note)) == {"seed": 3, "kinema": WHOLE}


@pytest.mark.parametrize(
    "change",
    [
        {"fps": 1e5},
        {"fps": 0},
        {"fps": -16},
        {"fps": "16"},
        {"fps": None},
        {"fps": True},
        {"fps": float("nan")},
        {"fps": float("inf")},
        {"fps": 10**400},
        {"num_frames": 0},
        {"num_frames": -3},
        {"num_frames": 9.5},
        {"num_frames": "9"},
        {"num_frames": 10**30},
        {"num_frames": [9]},
        {"size": [32]},
        {"size": [32, 48, 3]},
        {"size": [0, 48]},
        {"size": [32, 10**9]},
        {"size": "32x48"},
        {"size": {"h": 1, "w": 2}},
        {"text": 3},
        {"text": None},
    ],
)
def test_a_note_with_one_wrong_value_is_no_note(change):
    assert read_note(json.dumps({"kinema": {**WHOLE, **change}, "seed": 1})) == Note()


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_note_with_a_missing_value_is_no_note(name):
    own = {key: value for key, value in WHOLE.items() if key != name}
    assert read_note(json.dumps({"kinema": own})) == Note()


@pytest.mark.parametrize(
    "comment",
    ["", "mine", '{"kinema": not JSON', '["kinema"]', '"kinema"', '{"kinema": 3}', '{"kinema": []}',
     '{"kinema": ' + "[" * 100_000, '{"a": {"kinema": {}}}'],
)  # fmt: skip
def test_the_comments_of_others_are_no_notes(comment):
    assert read_note(comment) == Note()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(WHOLE, json_values)))
def test_whatever_is_read_is_what_it_says(own):
    note = read_note(json.dumps({"kinema": own}))
    assert note.fps is None or 0 < note.fps <= 1000
    assert note.num_frames is None or note.num_frames >= 1
    assert note.size is None or min(note.size) >= 1


SUFFIXES = sorted(FORMATS)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=6)
@given(
    num_frames=st.integers(1, 6),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    fps=st.sampled_from([1, 7.5, 16, 24, 29.97]),
)
def test_length_size_and_rate_come_back(tmp_path_factory, suffix, num_frames, size, fps):
    rng = np.random.default_rng(num_frames)
    frames = np.repeat(rng.integers(0, 256, (num_frames, 1, 1, 3)), size[0], 1).repeat(size[1], 2)
    path = tmp_path_factory.getbasetemp() / f"x{suffix}"
    clips.write(Clip(frames.astype(np.uint8), fps), path)
    back = clips.read(path)
    assert back.frames.shape == (num_frames, *size, 3)
    assert back.fps == fps
    assert np.abs(back.frames.astype(int) - frames).mean() < 12  # colors, codecs and all


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=8)
@given(
    values=st.dictionaries(
        st.text(max_size=6).filter(lambda k: k != "kinema"), json_values, max_size=3
    )
)
def test_metadata_comes_back(tmp_path_factory, suffix, values):
    path = tmp_path_factory.getbasetemp() / f"m{suffix}"
    clip = Clip(np.zeros((2, 16, 16, 3), np.uint8), 8, 'a "red" bäll; = #', {"prompt": "x"})
    clips.write(clip, path, metadata=values)
    assert clips.read_metadata(path) == {"prompt": "x", **values}
    assert clips.read(path).text == clip.text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_neighbors_are_kept(tmp_path, frames, suffix):
    still = np.repeat(frames[:3], [4, 1, 3], axis=0)
    path = clips.write(Clip(still, 16), tmp_path / f"x{suffix}")
    assert len(clips.read(path)) == 8
    assert clips.inspect(path).num_frames == 8
    assert len(clips.read(path, start=2, stride=2)) == 3


@pytest.mark.parametrize(("suffix", "most"), [(".mkv", 0), (".mp4", 4), (".webp", 5), (".gif", 8)])
def test_pictures_come_back(tmp_path, clip, suffix, most):
    back = clips.read(clips.write(clip, tmp_path / f"x{suffix}"))
    assert np.abs(back.frames.astype(int) - clip.frames).mean() <= most


def test_saturated_colors_survive_mp4(tmp_path):
    patches = np.zeros((2, 32, 96, 3), np.uint8)
    patches[:, :, :32, 0] = patches[:, :, 32:64, 1] = patches[:, :, 64:, 2] = 255
    back = clips.read(clips.write(Clip(patches, 8), tmp_path / "x.mp4")).frames.astype(int)
    assert np.abs(back - patches)[:, 8:24, [16, 48, 80]].max() <= 4


def test_mp4_plays_in_browsers(tmp_path, clip):
    path = clips.write(clip, tmp_path / "x.mp4")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index first: it plays while it loads
    with writing.av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.colorspace == 1  # BT.709
        assert container.metadata["title"] == "a red square"
        assert json.loads(container.metadata["comment"])["seed"] == 3


def test_numpy_values_in_metadata(tmp_path, clip):
    path = clips.write(clip, tmp_path / "x.mp4", metadata={"loss": np.float32(0.5)})
    assert clips.read_metadata(path)["loss"] == "0.5"


def test_unknown_suffix(tmp_path, clip):
    with pytest.raises(UserError, match=r"x\.avi.*\.mp4"):
        clips.write(clip, tmp_path / "x.avi")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_interrupted_encoder_leaves_nothing(tmp_path, clip, suffix, monkeypatch):
    encode = FORMATS[suffix]

    def interrupted(*arguments):
        encode(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setitem(FORMATS, suffix, interrupted)
    with pytest.raises(KeyboardInterrupt):
        clips.write(clip, tmp_path / f"x{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", sorted(writing.STREAMS))
def test_frames_as_they_come_make_the_same_file(tmp_path, clip, suffix):
    whole = clips.write(clip, tmp_path / f"whole{suffix}")
    footage = clips.Footage(
        iter(clip.frames), len(clip), clip.size, clip.fps, clip.text, clip.metadata
    )
    streamed = clips.write_stream(footage, tmp_path / f"stream{suffix}")
    assert streamed.read_bytes() == whole.read_bytes()


def test_a_stream_that_breaks_leaves_nothing(tmp_path, clip):
    def broken():
        yield clip.frames[0]
        raise ValueError("out of film")

    with pytest.raises(ValueError, match="out of film"):
        clips.write_stream(clips.Footage(broken(), 2, clip.size, 16), tmp_path / "x.mkv")
    assert list(tmp_path.iterdir()) == []


def test_formats_that_need_all_frames_take_no_stream(tmp_path):
    with pytest.raises(UserError, match="frame by frame, to .mp4 or .mkv"):
        clips.check_stream_target(tmp_path / "x.webp")


@pytest.mark.parametrize("size", [(32, 32), (80, 48), (63, 90)])
def test_a_small_clip_is_the_same_mp4_each_time(tmp_path, size):
    """The lookahead of x264 reads beyond small pictures: what lies there changes its choices."""
    rng, files = np.random.default_rng(0), set()
    clip = Clip(rng.integers(0, 256, (24, *size, 3)).astype(np.uint8), 8)
    for _ in range(4):
        rng.integers(0, 256, 10**6).tobytes()  # other values in memory that was used
        files.add(clips.write(clip, tmp_path / "x.mp4").read_bytes())
    assert len(files) == 1


def test_only_small_clips_go_without_the_lookahead(tmp_path):
    for size, is_blind in {(64, 64): False, (62, 64): True}.items():
        path = clips.write(Clip(np.zeros((2, *size, 3), np.uint8), 8), tmp_path / "x.mp4")
        assert (b"mbtree=0" in path.read_bytes()) == is_blind
