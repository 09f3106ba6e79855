"""Reading clips: one pass over the file, one frame in memory at a time.

The header of a file is a hint. Matroska and WebM do not say how many frames they hold, a
download that broke off says too many, and GIFs have a duration per frame: counts come from the
packets, times from the frames. Frames are turned upright, transparency is laid over white, 10-bit
video becomes 8-bit, and resizing happens in the same pass as the conversion to RGB.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema.clips import demux
from kinema.clips.clip import Clip, Note, read_note
from kinema.clips.limits import check_memory, check_pixels, check_repeats
from kinema.clips.picture import Crop, fit
from kinema.errors import UserError
from kinema.storage.atomic import require_file


@dataclass(frozen=True)
class VideoInfo:
    """What a file holds, without its frames."""

    num_frames: int  # counted, not taken from the header
    fps: float  # mean frames per second
    height: int  # of an upright frame, in pixels
    width: int  # of an upright frame, in pixels
    text: str = ""  # the caption or prompt that kinema wrote, or the file's title
    metadata: dict[str, Any] = field(default_factory=dict)  # what kinema wrote beside it
    # sentences on what is not read as it is: a varying frame rate, further streams
    remarks: tuple[str, ...] = ()


def inspect(path: str | Path, track: int = 0) -> VideoInfo:
    """Count the frames of a video file and decode the first one.

    Raises:
        UserError: if the file is missing, empty, truncated or not a video.
    """
    path = require_file(path, "video")
    with demux.open_video(path, track) as source:
        note = note_of(source)
        counted = source.count()
        first = next(source.frames(), None)
        if first is None:
            raise UserError(f"{path} holds no frames that can be decoded.")
        height, width = fit(first.picture, None, trim=note.size).shape[:2]
        num_frames, fps = note.num_frames or counted, note.fps or source.fps
        at_its_rate = note.fps and source.merges_repeats  # as its frames are then repeated
        remarks = () if at_its_rate else tuple(source.remarks())
        text = text_of(source, note)
        return VideoInfo(num_frames, fps, height, width, text, note.metadata, remarks)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The values that `write` put into a file: prompt, seed, settings; {} if it wrote none."""
    path = require_file(path, "video")
    with demux.open_video(path, 0) as source:
        return note_of(source).metadata


def read(
    path: str | Path,
    *,
    num_frames: int | None = None,
    start: int = 0,
    stride: int = 1,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    crop: Crop = (0.5, 0.5),
    track: int = 0,
) -> Clip:
    """Read a clip into memory.

    Args:
        path: a video file (anything FFmpeg reads), an animated GIF or WebP, or a picture.
        num_frames: how many frames; None for all there are. The file must hold that many.
        start: the first frame to take, counted in the frames the file holds (after `fps`).
        stride: take every stride-th frame from there.
        fps: first bring the file to this rate, by repeating or leaving out frames.
        size: height and width: the frame is scaled until it covers them and then cropped.
        crop: where the crop lies, (0, 0) top left to (1, 1) bottom right.
        track: which video stream, for files that hold several.

    Raises:
        UserError: if the file is missing, empty, truncated, not a video, too short, or takes more
            memory than its size explains; see `kinema.clips.limits`.
    """
    path = require_file(path, "video")
    frames = stream(path, start=start, stride=stride, fps=fps, size=size, crop=crop, track=track)
    whole, count = np.empty((0, 0, 0, 3), np.uint8), 0
    for count, frame in enumerate(itertools.islice(frames, num_frames), 1):
        if num_frames is None or size is None:  # else it is the caller who says how much
            check_memory(path, count, frame.nbytes)
        if count > len(whole):
            longer = num_frames or count + count // 16  # what is new is zeroed, and so takes memory
            whole.resize((longer, *frame.shape), refcheck=False)  # moves pages, copies nothing
        whole[count - 1] = frame
    if not count and not start:
        raise UserError(f"{path} holds no frames that can be decoded.")
    if not count or (num_frames is not None and count < num_frames):
        wanted = "any" if num_frames is None else str(num_frames)
        raise UserError(
            f"{path} holds {count} frames from frame {start} at stride {stride}, not {wanted}."
        )
    whole.resize((count, *whole.shape[1:]), refcheck=False)
    with demux.open_video(path, track) as source:
        note = note_of(source)
        rate, text = fps or note.fps or source.fps, text_of(source, note)
    return Clip(whole, rate / stride, text, note.metadata)


def stream(
    path: str | Path,
    *,
    start: int = 0,
    stride: int = 1,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    crop: Crop = (0.5, 0.5),
    track: int = 0,
) -> Iterator[np.ndarray]:
    """Yield the frames of a file one by one, uint8 `(h, w, 3)`, however long it is.

    The arguments are those of `read`.

    Raises:
        UserError: if the file is missing, empty, truncated (once the end is reached) or no video.
    """
    path = require_file(path, "video")
    assert start >= 0 and stride >= 1, "start is 0 or more, stride 1 or more"
    with demux.open_video(path, track) as source:
        note = note_of(source)
        rate = fps or (note.fps if source.merges_repeats else None)
        if rate:
            shown = at_rate(source.frames(), rate, path)
            pictures = itertools.islice(shown, start, None, stride)
        else:
            pictures = itertools.islice(source.pictures_from(start), 0, None, stride)
        for picture in pictures:
            check_pixels(path, picture.height, picture.width)
            yield fit(picture, size, crop, trim=note.size)


def at_rate(frames: Iterator[demux.Frame], fps: float, path: Path) -> Iterator[Any]:
    """Repeat or leave out frames so that frame k is the one shown at k / fps seconds."""
    position, count, previous = 0, 0, None
    for count, frame in enumerate(frames, 1):
        begin = math.floor(frame.time * fps + 0.5)
        if previous is not None:
            check_repeats(path, begin - count, count)
            yield from itertools.repeat(previous.picture, max(begin - position, 0))
            position = max(begin, position)
        previous = frame
    if previous is not None:
        end = math.floor((previous.time + previous.duration) * fps + 0.5)
        check_repeats(path, end - count, count)
        yield from itertools.repeat(previous.picture, max(end - position, int(position == 0)))


def note_of(source: demux.Source) -> Note:
    """The note of `write`; its count is what the file must hold."""
    note = read_note(source.tags.get("comment", ""))
    if note.num_frames and not source.merges_repeats:
        source.promised = note.num_frames
    return note


def text_of(source: demux.Source, note: Note) -> str:
    return source.tags.get("title", "") if note.text is None else note.text
