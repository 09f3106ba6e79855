"""Opening a file and taking pictures out of it, whatever container they came in.

PyAV reads everything but animated WebP, which its FFmpeg cannot decode; Pillow can. Both are
brought to one shape here: tags, a rate, a count, and pictures with their times.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import av
from PIL import Image, ImageSequence

from kinema.clips.clip import EXIF_DESCRIPTION, address
from kinema.clips.images import open_picture, to_rgb
from kinema.clips.limits import check_pixels
from kinema.errors import UserError

STILL = 40  # milliseconds of a frame that says none
# What FFmpeg reads though it is no video: a list of other files, and text, drawn as on a terminal.
FOREIGN = {
    **dict.fromkeys(["concat", "dash", "hls", "imf", "rtsp", "sdp"], "a list of other files"),
    "tty": "text",
}
ONLY_FILES = {"protocol_whitelist": "file"}  # whatever a file asks for, nothing is fetched


class Frame(NamedTuple):
    """A picture and when it is shown, in seconds from the first one."""

    picture: av.VideoFrame
    time: float
    duration: float


class Source(Protocol):
    """An open file."""

    tags: dict[str, str]
    fps: float
    promised: int  # frames that must be there; 0 if nobody says
    merges_repeats: bool  # GIF and WebP store equal neighbors as one longer frame

    def count(self) -> int: ...
    def remarks(self) -> list[str]: ...
    def frames(self) -> Iterator[Frame]: ...
    def pictures_from(self, start: int) -> Iterator[av.VideoFrame]: ...


@contextmanager
def open_video(path: Path, track: int) -> Iterator[Source]:
    """Open a file; every error of the decoder inside the block names the file.

    An MP4 that broke off fails in many ways, and only its missing index tells why.
    """
    try:
        if is_webp(path):
            with open_picture(path, "video") as image:
                yield WebP(path, image)
        else:
            with open_container(path) as container:
                if kind := FOREIGN.get(container.format.name):
                    raise UserError(f"{path} is {kind}, not a video.")
                yield Container(path, container, track)
    except (UserError, av.FFmpegError, OSError) as error:
        if lacks_index(path):
            raise UserError(
                f"{path} is truncated: the index of an MP4, without which its frames cannot be "
                "found, is missing or broken off; copy or download the file again."
            ) from error
        if isinstance(error, UserError):
            raise
        said = error.strerror if isinstance(error, av.FFmpegError) else error
        raise UserError(f"{path} is not a video that can be read ({said}).") from error


def open_container(path: Path) -> Any:
    return av.open(address(path), options=ONLY_FILES, metadata_errors="replace")


def lacks_index(path: Path) -> bool:
    """Tell whether an MP4 or MOV has no whole index, the box `moov`."""
    size, place = path.stat().st_size, 0
    with open(path, "rb") as file:
        if file.read(8)[4:] != b"ftyp":
            return False
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            length = int.from_bytes(head[:4])
            if length == 1:  # the length follows, in eight bytes
                length = int.from_bytes(head[8:])
            if head[4:8] == b"moov":
                return place + length > size
            place += length if length >= 8 else size
    return True


def is_webp(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


class Container:
    """Anything FFmpeg reads."""

    def __init__(self, path: Path, container: Any, track: int) -> None:
        streams = container.streams.video
        if not streams:
            raise UserError(f"{path} holds no video stream (only sound or data).")
        if track >= len(streams):
            raise UserError(f"{path} holds {len(streams)} video streams: there is no {track}.")
        self.path, self.container, self.stream = path, container, streams[track]
        self.num_streams, self.is_even = len(streams), True
        if self.stream.codec_context is None:
            raise UserError(f"{path} is coded in a way that this FFmpeg does not know.")
        check_pixels(path, self.stream.height, self.stream.width)
        self.stream.thread_type = "AUTO"
        self.promised, self.num_hidden, self.is_bare = self.stream.frames, 0, False
        self.tags = {k.lower(): v for k, v in container.metadata.items()}
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 25)
        self.merges_repeats = container.format.name == "gif"
        if self.merges_repeats:
            self.tags["comment"] = gif_comment(path)

    def count(self) -> int:
        """Frames in the file, by its packets; refuses a file that broke off."""
        times = self._packet_times()
        gaps = sorted(later - time for time, later in itertools.pairwise(times))
        # A tick more or less is rounding.
        self.is_even = not gaps or gaps[-1] - gaps[0] <= max(2, gaps[len(gaps) // 2] // 4)
        end = (times[-1] - times[0]) * self._tick if times else 0.0
        self._require_whole(len(times), end)
        return len(times)

    def remarks(self) -> list[str]:
        """Say what a reader of frames alone would not notice, once they have been counted."""
        found = []
        if self.num_streams > 1:
            found.append(f"It holds {self.num_streams} video streams, of which one is read.")
        if not self.is_even:
            found.append("Its frame rate varies, and its frames are read as if it did not.")
        return found

    def frames(self) -> Iterator[Frame]:
        count, origin, time = 0, None, 0.0
        self._rewind()
        for picture in self._decode():
            shown = count / self.fps if picture.time is None else picture.time
            origin = shown if origin is None else origin
            time = shown - origin
            duration = float((picture.duration or 0) * (picture.time_base or 0)) or 1 / self.fps
            yield Frame(picture, time, duration)
            count += 1
        self._require_whole(count, time)

    def pictures_from(self, start: int) -> Iterator[av.VideoFrame]:
        """The pictures from number `start` on, by a seek to the key frame before it."""
        if start == 0:
            yield from (frame.picture for frame in self.frames())
            return
        times = self._packet_times()
        if start >= len(times):
            return
        if self.is_bare:
            yield from itertools.islice((frame.picture for frame in self.frames()), start, None)
            return
        self.container.seek(times[start], stream=self.stream)
        rest = (p for p in self._decode() if (p.pts or 0) >= times[start])
        first = next(rest, None)
        if first is None or first.pts != times[start]:
            # After an open-GOP key frame the pictures before it cannot be decoded: start over.
            yield from itertools.islice((frame.picture for frame in self.frames()), start, None)
            return
        yield first
        yield from rest

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            if packet.is_corrupt:
                raise UserError(f"{self.path} is truncated or damaged: it ends inside a frame.")
            yield from packet.decode()

    def _packets(self) -> Iterator[av.Packet]:
        """The packets from here on; counts those that an edit list hides."""
        self.num_hidden = 0
        for packet in self.container.demux(self.stream):
            self.num_hidden += packet.is_discard
            yield packet

    @property
    def _tick(self) -> float:
        """Seconds of a tick of the stream."""
        return float(self.stream.time_base or 1)

    def _rewind(self) -> None:
        """Go to the first picture: a second before its time, as MPEG seeks by that of decoding."""
        first = self.stream.start_time or 0
        start = max(first - round(1 / self._tick), min(first, 0))
        try:
            self.container.seek(start, stream=self.stream)
        except av.error.PermissionError:  # a bare stream has no index to find frames by
            self.is_bare, track = True, self.stream.index
            self.container = open_container(self.path)
            self.stream = self.container.streams[track]
            self.stream.thread_type = "AUTO"

    def _packet_times(self) -> list[int]:
        """When each frame is shown, in ticks of the stream, read without decoding."""
        self._rewind()
        packets = [p for p in self._packets() if p.size and not p.is_discard]
        if self.is_bare:  # its packets have no times, and one with none is a frame as well
            return list(range(len(packets)))
        return sorted(p.pts for p in packets if p.pts is not None and not p.is_corrupt)

    def _require_whole(self, count: int, last: float) -> None:
        """Refuse a file that ends before its header says.

        Args:
            count: frames that can be read.
            last: seconds from the beginning of the first to that of the last.
        """
        promised, count = self.promised, count + self.num_hidden
        if not promised and self._duration_is_ours():  # Matroska tells the time, not the count
            begin = (self.stream.start_time or 0) * self._tick
            promised = round((self.container.duration / av.time_base - begin) * self.fps) - 2
            count = round(last * self.fps) + 1
        if count < promised:
            raise UserError(
                f"{self.path} is truncated or damaged: its header promises {promised} frames, "
                f"{count} can be read."
            )
        if self.container.format.name == "gif" and not gif_is_closed(self.path):
            raise UserError(f"{self.path} is truncated: the mark that ends a GIF is missing.")

    def _duration_is_ours(self) -> bool:
        matroska = "matroska" in self.container.format.name
        return matroska and bool(self.container.duration) and len(self.container.streams) == 1


class WebP:
    """Still or animated WebP."""

    merges_repeats, promised = True, 0

    def __init__(self, path: Path, image: Image.Image) -> None:
        check_pixels(path, image.height, image.width)
        self.image = image
        self.tags = {"comment": str(image.getexif().get(EXIF_DESCRIPTION, ""))}
        self.durations = webp_durations(path) or [STILL]
        self.fps = 1000 * len(self.durations) / sum(self.durations)

    def count(self) -> int:
        return getattr(self.image, "n_frames", 1)

    def remarks(self) -> list[str]:
        if len({*self.durations}) < 2:
            return []
        return ["Its frame rate varies, and its frames are read as if it did not."]

    def frames(self) -> Iterator[Frame]:
        time = 0.0
        for image in ImageSequence.Iterator(self.image):
            picture = av.VideoFrame.from_ndarray(to_rgb(image), format="rgb24")
            duration = (image.info.get("duration") or STILL) / 1000  # known once it is decoded
            yield Frame(picture, time, duration)
            time += duration

    def pictures_from(self, start: int) -> Iterator[av.VideoFrame]:
        for number, frame in enumerate(self.frames()):
            if number >= start:
                yield frame.picture


def webp_durations(path: Path) -> list[int]:
    """The milliseconds for which each frame is shown, read without decoding; [] for a still."""
    durations = []
    with open(path, "rb") as file:
        file.seek(12)  # RIFF, size, WEBP
        while len(head := file.read(8)) == 8:
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            if kind == b"ANMF":
                durations.append(int.from_bytes(file.read(16)[12:15], "little") or STILL)
                size -= 16
            file.seek(size + size % 2, 1)
    return durations


def gif_comment(path: Path) -> str:
    """FFmpeg drops a GIF's comment; Pillow keeps it."""
    with open_picture(path, "video") as image:
        comment = image.info.get("comment", b"")
    return comment.decode(errors="replace") if isinstance(comment, bytes) else str(comment)


def gif_is_closed(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-min(64, path.stat().st_size), 2)
        return file.read().rstrip(b"\0").endswith(b";")
