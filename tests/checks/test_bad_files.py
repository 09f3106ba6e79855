"""Files that are wrong or odd, through the command: each is named, and the rest goes on."""

import json
import os
from fractions import Fraction
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from kinema import clips
from kinema.cli import main

SIZE = (48, 64)


def frame(t, size=SIZE):
    y, x = np.mgrid[: size[0], : size[1]]
    wave = 128 + 60 * np.sin((x + t) / 5) * np.cos(y / 7)
    return np.stack([wave, 0.8 * wave, 255 - wave], -1).astype(np.uint8)


def encode(path, times=range(12), codec="libx264", pix_fmt="yuv420p", sizes=None, **options):
    """A video of one or more streams; `times` in ticks of 1/25 s, `sizes` one for each stream."""
    with av.open(str(path), "w") as container:
        streams = []
        for height, width in sizes or [SIZE]:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
            stream.codec_context.time_base = Fraction(1, 25)
            stream.options = {k: str(v) for k, v in options.items()}
            streams.append(stream)
        for t, tick in enumerate(times):
            for stream in streams:
                rgb = frame(t, (stream.height, stream.width))
                picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                picture.pts, picture.time_base = tick, Fraction(1, 25)
                container.mux(stream.encode(picture))
        for stream in streams:
            container.mux(stream.encode())
    return path


def not_a_video(path):
    path.write_text("this is not a video")


def no_bytes(path):
    path.write_bytes(b"")


def truncated(path):
    encode(path, range(40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_short(path):
    encode(path.with_suffix(".mkv"), range(60), g=10)
    whole = path.with_suffix(".mkv").read_bytes()
    path.with_suffix(".mkv").unlink()
    path.write_bytes(whole[: 2 * len(whole) // 3])


def no_frame(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        sound.sample_rate = 44100
        for packet in [*stream.encode(sound), *stream.encode(None)]:
            container.mux(packet)


def changing_size(path):
    """Two sizes of pictures in one stream, as broken recorders leave them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        other = av.CodecContext.create("libx264", "w")
        other.height, other.width, other.pix_fmt = 80, 96, "yuv420p"
        for encoder, start in ((stream.codec_context, 0), (other, 12)):
            encoder.time_base, encoder.max_b_frames = Fraction(1, 25), 0
            size = (encoder.height, encoder.width)
            pictures = [
                av.VideoFrame.from_ndarray(frame(t, size), format="rgb24") for t in range(12)
            ]
            for t, picture in enumerate(pictures):
                picture.pts, picture.time_base = start + t, Fraction(1, 25)
            for packet in [p for picture in [*pictures, None] for p in encoder.encode(picture)]:
                packet.stream = stream
                container.mux(packet)


def one_frame(path):
    encode(path, [0])


def variable_rate(path):
    encode(path, np.cumsum([0, 1, 1, 5, 1, 9, 2, 1, 1, 3, 1, 1]).tolist())


def several_streams(path):
    encode(path, sizes=[SIZE, (96, 128)])


def alpha(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "rgba"
        for t in range(12):
            rgba = np.dstack([frame(t), np.full(SIZE, 20 * t, np.uint8)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        container.mux(stream.encode())


def ten_bit(path):
    encode(path, codec="libx265", pix_fmt="yuv420p10le", **{"x265-params": "log-level=none"})


def interlaced(path):
    encode(path, flags="+ildct+ilme", x264opts="tff=1")


def ultra_hd(path):
    encode(path, range(2), sizes=[(2160, 3840)], preset="ultrafast")


UNREADABLE = {
    "text.mp4": not_a_video, "empty.mp4": no_bytes, "half.mp4": truncated, "short.mkv": cut_short,
    "sound.mp4": no_frame, "absent.mp4": lambda path: None,
}  # fmt: skip
READABLE = {
    "one.mp4": (one_frame, 1, SIZE), "rate.mp4": (variable_rate, 12, SIZE),
    "streams.mkv": (several_streams, 12, SIZE), "alpha.mov": (alpha, 12, SIZE),
    "ten.mp4": (ten_bit, 12, SIZE), "fields.mp4": (interlaced, 12, SIZE),
    "uhd.mp4": (ultra_hd, 2, (2160, 3840)),
}  # fmt: skip


def run(capsys, *argv):
    status = main(["check", *map(str, argv), "--jobs", "1", "--json", "-"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else {}, captured.err


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_bad_file_is_named_and_the_rest_goes_on(name, tmp_path, capsys):
    UNREADABLE[name](tmp_path / name)
    good = encode(tmp_path / "good.mp4")
    status, content, _ = run(capsys, tmp_path / name, good)
    assert status == 0
    bad, fine = content["clips"]
    assert name in bad["error"]
    assert fine["num_frames"] == 12
    assert "error" not in fine
    if not bad["num_frames"]:
        assert bad["verdict"] == "error"
        assert run(capsys, tmp_path / name)[0] == 2  # nothing could be checked


@pytest.mark.parametrize("name", READABLE)
def test_an_odd_file_is_checked(name, tmp_path, capsys):
    make, num_frames, size = READABLE[name]
    make(tmp_path / name)
    status, content, _ = run(capsys, tmp_path / name)
    (clip,) = content["clips"]
    assert status == 0
    assert "error" not in clip
    assert (clip["num_frames"], tuple(clip["size"])) == (num_frames, size)


def test_pictures_of_another_size_end_the_reading_with_a_reason(tmp_path, capsys):
    changing_size(tmp_path / "sizes.ts")
    status, content, _ = run(capsys, tmp_path / "sizes.ts")
    (clip,) = content["clips"]
    assert status == 0
    assert clip["num_frames"] == 12
    assert "sizes.ts" in clip["error"]
    assert "(80, 96)" in clip["error"]


def test_files_of_different_sizes_go_together(tmp_path, capsys):
    encode(tmp_path / "a.mp4")
    encode(tmp_path / "b.mp4", sizes=[(64, 48)])
    status, content, _ = run(capsys, tmp_path)
    assert status == 0
    assert [clip["size"] for clip in content["clips"]] == [[48, 64], [64, 48]]


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_goes_on(tmp_path, capsys, monkeypatch):
    good = encode(tmp_path / "good.mp4")
    locked = tmp_path / "locked"
    locked.mkdir()
    real = os.scandir, os.listdir

    def refuse(which):
        def listed(path="."):
            if str(path) == str(locked):
                raise PermissionError(13, "Permission denied", str(path))
            return real[which](path)

        return listed

    # Tests may run as a user whom no permission stops.
    monkeypatch.setattr(os, "scandir", refuse(0))
    monkeypatch.setattr(os, "listdir", refuse(1))
    status, content, _ = run(capsys, locked, good)
    assert status == 0
    assert content["clips"][0]["verdict"] == "error"
    assert "locked" in content["clips"][0]["error"]
    assert content["clips"][1]["num_frames"] == 12
    assert run(capsys, locked)[0] == 2


def test_names_that_are_no_text_reach_every_output(tmp_path, capsys):
    name = os.fsdecode(b"a\xff\x1b.mp4")
    (tmp_path / "clips").mkdir()
    encode(tmp_path / "x.mp4").rename(tmp_path / "clips" / name)
    outputs = [tmp_path / f"o.{kind}" for kind in ("json", "html", "xml", "jsonl")]
    options = ["--json", "--html", "--junit", "--json-lines"]
    words = [word for pair in zip(options, map(str, outputs), strict=True) for word in pair]
    assert main(["check", str(tmp_path / "clips"), "--jobs", "1", *words]) == 0
    assert r"a\xff\x1b.mp4: " in capsys.readouterr().out
    texts = [output.read_text("utf-8") for output in outputs]
    assert all(r"a\xff\x1b.mp4" in text.replace("\\\\", "\\") for text in texts)
    ElementTree.fromstring(texts[2])


@pytest.mark.parametrize("name", ["x.y4m", "x.h264"])
def test_bare_streams_in_a_folder_are_measured(name, tmp_path, capsys):
    codec = {"x.y4m": "wrapped_avframe", "x.h264": "libx264"}[name]
    encode(tmp_path / name, codec=codec)
    status, content, _ = run(capsys, tmp_path)
    assert (status, content["clips"][0]["num_frames"]) == (0, 12)


def test_a_varying_rate_and_further_streams_are_noted(tmp_path, capsys):
    variable_rate(tmp_path / "a.mp4")
    several_streams(tmp_path / "b.mkv")
    _, content, _ = run(capsys, tmp_path)
    words = [" ".join(clip["notes"]) for clip in content["clips"]]
    assert "rate varies" in words[0] and "2 video streams" in words[1]


def test_a_file_in_the_library_is_read_as_the_command_reads_it(tmp_path, capsys):
    file = encode(tmp_path / "x.mp4")
    assert run(capsys, file)[1]["clips"][0]["num_frames"] == clips.inspect(file).num_frames
