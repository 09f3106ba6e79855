from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from kinema import clips
from kinema.clips import Clip
from kinema.clips.demux import lacks_index, open_video, webp_durations
from kinema.errors import UserError


def encode(path, frames, codec, pixel_format, options=None, streams=1, fps=10):
    """A file as others make them: no note of ours in it."""
    with av.open(str(path), "w") as output:
        tracks = [output.add_stream(codec, fps, options=options or {}) for _ in range(streams)]
        for track in tracks:
            track.height, track.width = frames.shape[1:3]
            track.pix_fmt = pixel_format
        for number, track in enumerate(tracks):
            for frame in np.roll(frames, number, axis=0):
                output.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            output.mux(track.encode())
    return path


def test_matroska_without_a_count(tmp_path, frames):
    path = encode(tmp_path / "x.mkv", frames, "libx264", "yuv420p")
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0  # the header does not say
    assert clips.inspect(path).num_frames == len(clips.read(path)) == 9


def test_ten_bits_become_eight(tmp_path, frames):
    path = encode(tmp_path / "x.mkv", frames, "ffv1", "yuv420p10le")
    back = clips.read(path)
    assert back.frames.shape == frames.shape
    assert np.abs(back.frames.astype(int) - frames).mean() < 12


@pytest.mark.parametrize("start", range(9))
def test_every_start_gives_the_frames_of_the_whole(tmp_path, frames, start):
    options = {"x264-params": "keyint=4:min-keyint=4:open-gop=1:bframes=2:b-adapt=0"}
    path = encode(tmp_path / "x.mp4", frames, "libx264", "yuv420p", options)
    assert np.array_equal(clips.read(path, start=start).frames, clips.read(path).frames[start:])


def test_start_in_a_long_group(tmp_path, square):
    long = square(40, 16, 96)
    path = encode(tmp_path / "x.mp4", long, "libx264", "yuv420p", {"g": "12", "bf": "2"})
    whole = clips.read(path).frames
    for start in (1, 11, 12, 13, 39):
        assert np.array_equal(clips.read(path, start=start).frames, whole[start:])


def test_the_named_track(tmp_path, frames):
    path = encode(tmp_path / "x.mkv", frames, "ffv1", "bgr0", streams=2)
    assert np.array_equal(clips.read(path).frames, frames)
    assert np.array_equal(clips.read(path, track=1).frames, np.roll(frames, 1, axis=0))
    with pytest.raises(UserError, match="holds 2 video streams"):
        clips.read(path, track=2)


def test_alpha_lies_over_white(tmp_path):
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as output:
        track = output.add_stream("ffv1", rate=10)
        track.height, track.width, track.pix_fmt = 16, 16, "bgra"
        output.mux(
            track.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 4), np.uint8), "rgba"))
        )
        output.mux(track.encode())
    assert clips.read(path).frames.min() == 255


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "x.wav"
    with av.open(str(path), "w") as output:
        track = output.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        silence.sample_rate = 8000
        output.mux(track.encode(silence))
    with pytest.raises(UserError, match="holds no video stream"):
        clips.read(path)


def test_a_picture_is_a_clip_of_one_frame(tmp_path, frames):
    clips.contact_sheet([frames], tmp_path / "x.png")
    assert len(clips.read(tmp_path / "x.png")) == 1


def test_durations_of_a_gif_that_others_made(tmp_path, frames):
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames[:2]]
    path = tmp_path / "x.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 300])
    assert len(clips.read(path)) == 2
    assert len(clips.read(path, fps=10)) == 4


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif", ".webp"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_broken_off_files_are_named(tmp_path, square, suffix, share):
    path = clips.write(Clip(square(24), 16), tmp_path / f"x{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    for read in (clips.read, clips.inspect):
        with pytest.raises(UserError, match=path.name):
            read(path)


def test_decoder_errors_name_the_file(tmp_path, clip):
    path = clips.write(clip, tmp_path / "x.mp4")
    with pytest.raises(UserError, match=r"x\.mp4 is not a video"), open_video(path, 0) as source:
        list(source.frames())
        raise av.error.InvalidDataError(1, "broken")


@pytest.mark.parametrize(("suffix", "codec"), [("mpg", "mpeg2video"), ("ts", "libx264")])
def test_mpeg_streams_begin_with_their_first_frame(tmp_path, square, suffix, codec):
    long = square(40, 16, 96)
    path = encode(tmp_path / f"x.{suffix}", long, codec, "yuv420p", {"g": "40", "bf": "2"}, fps=25)
    read = clips.read(path)
    assert clips.inspect(path).num_frames == len(read) == 40
    assert np.abs(read.frames[0].astype(int) - long[0]).mean() < 12
    assert np.array_equal(clips.read(path, start=7).frames, read.frames[7:])


def remuxed(source, target, shift, options=None):
    """The packets of a file as they are, `shift` seconds later."""
    with av.open(str(source)) as given, av.open(str(target), "w", options=options or {}) as output:
        track = given.streams.video[0]
        copy = output.add_stream_from_template(track)
        for packet in given.demux(track):
            if packet.dts is not None:
                packet.pts += round(shift / track.time_base)
                packet.dts += round(shift / track.time_base)
                packet.stream = copy
                output.mux(packet)
    return target


def test_what_an_edit_list_hides_is_not_missing(tmp_path, square):
    """A cut without encoding again keeps the frames back to a key frame, and hides them."""
    whole = encode(tmp_path / "x.mp4", square(30, 16, 96), "libx264", "yuv420p", {"g": "30"})
    cut = remuxed(whole, tmp_path / "cut.mp4", -1.0, {"avoid_negative_ts": "disabled"})
    with av.open(str(cut)) as container:
        assert container.streams.video[0].frames == 30
    assert clips.inspect(cut).num_frames == 20
    assert np.array_equal(clips.read(cut).frames, clips.read(whole).frames[10:])


def test_a_file_that_begins_late_is_whole(tmp_path, frames):
    whole = encode(tmp_path / "x.mkv", frames, "ffv1", "bgr0")
    late = remuxed(whole, tmp_path / "late.mkv", 5.0)
    assert clips.inspect(late).num_frames == len(clips.read(late)) == 9


def test_text_is_no_video(tmp_path):
    (tmp_path / "notes.txt").write_text("a red ball rolls\n" * 40)
    with pytest.raises(UserError, match=r"notes\.txt is text, not a video"):
        clips.inspect(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.h264", "libx264"), ("x.m1v", "mpeg1video"), ("x.y4m", "wrapped_avframe")],
)
def test_a_bare_stream_is_read_without_an_index(tmp_path, frames, name, codec):
    path = encode(tmp_path / name, frames, codec, "yuv420p", fps=25)
    whole = clips.read(path).frames
    assert clips.inspect(path).num_frames == len(whole) == 9
    assert np.abs(whole.astype(int) - frames).mean() < 12
    assert np.array_equal(clips.read(path, start=4).frames, whole[4:])


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8, 0.9])
def test_an_mp4_that_broke_off_is_named(tmp_path, frames, share):
    whole = encode(tmp_path / "x.mp4", frames, "libx264", "yuv420p").read_bytes()
    assert whole.find(b"moov") > 0.25 * len(whole)
    (tmp_path / "x.mp4").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match="truncated: the index of an MP4"):
        clips.inspect(tmp_path / "x.mp4")


def test_an_mp4_without_a_mistake_in_its_boxes_is_not_called_truncated(tmp_path, frames):
    path = encode(tmp_path / "x.mp4", frames, "libx264", "yuv420p")
    assert not lacks_index(path)
    whole = path.read_bytes()
    place = whole.index(b"mdat") - 4
    size = int.from_bytes(whole[place : place + 4])
    long = b"\0\0\0\1mdat" + (size + 8).to_bytes(8)  # a size of eight bytes
    path.write_bytes(whole[:place] + long + whole[place + 8 :])
    assert not lacks_index(path)
    (tmp_path / "text").write_text("no MP4 at all")
    assert not lacks_index(tmp_path / "text")


def test_a_varying_rate_and_further_streams_get_a_word(tmp_path, frames):
    path = encode(tmp_path / "x.mkv", frames, "ffv1", "bgr0", streams=2)
    assert clips.inspect(path).remarks == ("It holds 2 video streams, of which one is read.",)
    for name, ticks in (("even", range(0, 90, 10)), ("varying", [0, 1, 2, 3, 9, 10, 11, 12, 13])):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as output:
            stream = output.add_stream("ffv1", 25)
            stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "bgr0"
            for tick, frame in zip(ticks, frames, strict=True):
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts, picture.time_base = tick, Fraction(1, 25)
                output.mux(stream.encode(picture))
            output.mux(stream.encode())
    assert clips.inspect(tmp_path / "even.mkv").remarks == ()
    (remark,) = clips.inspect(tmp_path / "varying.mkv").remarks
    assert "frame rate varies" in remark


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n"),
        ("x.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.mp4\n#EXT-X-ENDLIST\n"),
        ("x.ffconcat", "ffconcat version 1.0\nfile {0}\n"),
        ("x.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"),
    ],
)
def test_a_list_of_other_files_is_no_video(tmp_path, clip, name, text):
    clips.write(clip, tmp_path / "secret.mp4")
    (tmp_path / name).write_text(text.format("secret.mp4"))
    with pytest.raises(UserError, match=r"not a video"):
        clips.inspect(tmp_path / name)


@pytest.mark.parametrize("name", ["a:b.mp4", "http:x.mp4", "pipe:1.mkv", "x%03d.mp4", "-x.mp4"])
def test_no_name_is_taken_for_a_protocol(tmp_path, clip, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips.write(clip, name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert len(clips.read(name)) == clips.inspect(name).num_frames == 9


def test_the_times_of_a_webp_are_read_without_decoding(tmp_path, frames):
    pictures = [Image.fromarray(frame) for frame in frames[:3]]
    path = tmp_path / "x.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[10, 200, 90])
    assert webp_durations(path) == [10, 200, 90]
    assert clips.inspect(path).fps == pytest.approx(10)
    pictures[0].save(tmp_path / "still.webp")
    assert webp_durations(tmp_path / "still.webp") == []
    assert clips.inspect(tmp_path / "still.webp").fps == 25
    data = path.read_bytes()
    for length in range(12, len(data), 7):  # a file that broke off ends somewhere
        path.write_bytes(data[:length])
        assert len(webp_durations(path)) <= 3


def test_a_codec_that_nobody_knows_is_named(tmp_path, clip):
    path = clips.write(clip, tmp_path / "x.mkv")
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_ABCD"))
    with pytest.raises(UserError, match="FFmpeg does not know"):
        clips.read(path)
