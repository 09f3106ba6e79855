"""A clip: frames as bytes, their rate, what they show; and how it is written to a file.

A file is H.264 that browsers play, GIF, WebP, or lossless Matroska. It is written beside its place
and then renamed, so a full disk or Ctrl-C leaves no partial file. Caption, seed and settings travel
inside it as JSON (the container's comment, a GIF comment, WebP's EXIF user comment), from which
`read_metadata` takes them.

Sizes: H.264 with 4:2:0 chroma holds even heights and widths only. A clip with an odd side gains
a copy of its last row or column in the mp4; `read` trims it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import av
import numpy as np
from PIL import Image

from kinema.errors import UserError
from kinema.fields import Between, choices_of, fields_of, fit
from kinema.storage.atomic import require_writable, whole_file

LOOKAHEAD_SIDE = 64  # pixels: below, x264's lookahead reads beyond the picture, and files differ
BLIND = {"x264-params": "mbtree=0:rc-lookahead=0"}


@dataclass
class Clip:
    """A short video in memory.

    Args:
        frames: uint8 `(f, h, w, 3)`, RGB, at least one frame.
        fps: frames per second, above 0.
        text: the caption or prompt; "" if there is none.
        metadata: anything JSON can hold; `write` puts it into the file, `read` takes it out.

    Raises:
        ValueError: if the frames are not a uint8 array of that shape, or the rate is not positive.
    """

    frames: np.ndarray
    fps: float
    text: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = self.frames
        if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
            raise ValueError(f"a clip's frames are a uint8 array, not {kind_of(frames)}")
        if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
            raise ValueError(f"a clip's frames have the shape (f, h, w, 3), not {frames.shape}")
        if not 0 < self.fps < float("inf"):
            raise ValueError(f"a clip's fps is a positive number, not {self.fps}")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def seconds(self) -> float:
        """How long the clip plays."""
        return len(self.frames) / self.fps


def kind_of(value: object) -> str:
    return f"{value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


EXIF_DESCRIPTION = 0x010E  # ImageDescription, the text that every reader shows: holds our note
Many = Annotated[int, Between(1, 2**31)]
Side = Annotated[int, Between(1, 2**16)]  # pixels


@dataclass(frozen=True)
class Note:
    """What a file says of its clip; None where no note says it."""

    text: str | None = None  # the caption or prompt
    fps: Annotated[float, Between(0, 1000, above=True)] | None = None  # frames per second
    num_frames: Many | None = None  # that the file must hold
    size: tuple[Side, Side] | None = None  # height and width before an odd side was padded
    metadata: dict[str, Any] = field(default_factory=dict)  # what else `write` was given


def write_note(note: Note) -> str:
    """Return the comment of a file; values that JSON cannot hold become texts."""
    own = {name: getattr(note, name) for name in OWN}
    return json.dumps({**note.metadata, "kinema": own}, default=str)


def read_note(comment: str) -> Note:
    """Read the comment of a file; an empty note for the files of others."""
    if '"kinema"' not in comment:
        return Note()
    try:
        values = json.loads(comment)
        own = values.pop("kinema")
        kinds = {name: choices_of(fields_of(Note)[name])[0] for name in OWN}  # all but None
        said = {name: fit(own[name], kind, name) for name, kind in kinds.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Note()
    return Note(**said, metadata=values)


OWN = ("text", "fps", "num_frames", "size")  # of the fields of a note, those that `write` knows


def address(path: Path) -> str:
    """A path for FFmpeg, which would take the beginning of `http:x.mp4` for a protocol."""
    return f"file:{path}"


def write(clip: Clip, path: str | Path, metadata: dict[str, Any] | None = None) -> Path:
    """Write a clip; the suffix chooses the format (mp4, gif, webp, or mkv, which is lossless).

    Args:
        clip: what to write; its text becomes the title.
        path: the file to make; folders on the way are made, an existing file is replaced.
        metadata: JSON values added to `clip.metadata` in the file.

    Raises:
        UserError: for an unknown suffix, a full disk or a folder that cannot be written.
    """
    path = check_target(path)
    with whole_file(path) as partial:
        FORMATS[path.suffix.lower()](clip, note_of(clip, metadata), partial)
    return path


@dataclass
class Footage:
    """A video that comes frame by frame: what a `Clip` is, without holding it in memory."""

    frames: Iterator[np.ndarray]  # uint8 `(h, w, 3)` each
    num_frames: int  # how many there will be
    size: tuple[int, int]  # height and width of each
    fps: float  # frames per second
    text: str = ""  # the caption or prompt
    metadata: dict[str, Any] = field(default_factory=dict)  # anything JSON can hold

    def __len__(self) -> int:
        return self.num_frames


def write_stream(footage: Footage, path: str | Path) -> Path:
    """Write a video as its frames come, one in memory at a time; .mp4 or .mkv.

    Raises:
        UserError: for a format that needs all frames at once, and where `write` raises one.
    """
    path = check_stream_target(path)
    with whole_file(path) as partial:
        STREAMS[path.suffix.lower()](footage, note_of(footage, None), partial)
    return path


def check_stream_target(path: str | Path) -> Path:
    """`check_target` for a video that comes frame by frame."""
    path = check_target(path)
    if path.suffix.lower() not in STREAMS:
        raise UserError(
            f"Cannot write {path}: a long video is written frame by frame, to "
            f"{' or '.join(STREAMS)}."
        )
    return path


def check_target(path: str | Path) -> Path:
    """Refuse now what could not be written later: for whoever works long before they write.

    Raises:
        UserError: for an unknown suffix, a folder, or a place that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"Cannot write {path}: its suffix must be one of {', '.join(FORMATS)}.")
    require_writable(path)
    return path


def note_of(clip: Clip | Footage, metadata: dict[str, Any] | None) -> str:
    values = {**clip.metadata, **(metadata or {})}
    return write_note(Note(clip.text, clip.fps, len(clip), clip.size, values))


def encode_mp4(clip: Clip | Footage, note: str, path: Path) -> None:
    """H.264, yuv420p, BT.709, index first (faststart): what every browser plays."""
    h, w = clip.size
    with av.open(address(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = add_stream(output, "libx264", "yuv420p", clip, note)
        stream.height, stream.width = h + h % 2, w + w % 2
        stream.options = {"crf": "16", **(BLIND if min(h, w) < LOOKAHEAD_SIDE else {})}
        # Say which matrix made the colors: players guess differently otherwise.
        codec = stream.codec_context
        codec.color_range = 1  # limited ("mpeg"): 16..235
        codec.color_primaries = codec.color_trc = codec.colorspace = 1  # BT.709
        for frame in clip.frames:
            even = np.pad(frame, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
            picture = av.VideoFrame.from_ndarray(even, format="rgb24")
            yuv = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
            output.mux(stream.encode(yuv))
        output.mux(stream.encode())


def encode_mkv(clip: Clip | Footage, note: str, path: Path) -> None:
    """FFV1 in RGB: every bit comes back."""
    options = {"fflags": "+bitexact"}  # no random identity: equal frames are equal files
    with av.open(address(path), "w", format="matroska", options=options) as output:
        stream = add_stream(output, "ffv1", "bgr0", clip, note)
        stream.height, stream.width = clip.size
        stream.options = {"level": "1"}  # version 1 of the format: clips of any size, 1x1 too
        for frame in clip.frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())


def add_stream(
    output: av.container.OutputContainer,
    codec: str,
    pixel_format: str,
    clip: Clip | Footage,
    note: str,
) -> av.VideoStream:
    output.metadata.update(title=clip.text, comment=note)
    stream = output.add_stream(codec, rate=Fraction(clip.fps).limit_denominator(1001))
    assert isinstance(stream, av.VideoStream), f"{codec} is no codec of video"
    stream.pix_fmt = pixel_format
    return stream


def encode_gif(clip: Clip, note: str, path: Path) -> None:
    """One palette of 256 colors for the whole clip, ordered dither (it stands still in time)."""
    some = np.linspace(0, len(clip) - 1, min(16, len(clip))).round().astype(int)
    palette = Image.fromarray(clip.frames[some].reshape(-1, clip.size[1], 3)).quantize(256)
    threshold = np.kron(np.ones((2, 2)), [[0, 2], [3, 1]]) * 4 + np.kron(
        [[0, 2], [3, 1]], np.ones((2, 2))
    )  # the 4 x 4 Bayer matrix
    _, h, w, _ = clip.frames.shape
    dither = np.tile((threshold / 15 - 0.5) * 8, (h // 4 + 1, w // 4 + 1))[:h, :w, None]
    frames = np.clip(clip.frames + dither, 0, 255).astype(np.uint8)
    none = Image.Dither.NONE
    pictures = [Image.fromarray(f).quantize(palette=palette, dither=none) for f in frames]
    animate(pictures, path, durations_of(clip, tick=10), comment=note.encode())


def encode_webp(clip: Clip, note: str, path: Path) -> None:
    """Lossy WebP: a tenth of the GIF, and true colors."""
    exif = Image.Exif()
    exif[EXIF_DESCRIPTION] = note
    pictures = [Image.fromarray(f) for f in clip.frames]
    animate(pictures, path, durations_of(clip, tick=1), exif=exif, quality=85, method=4)


def animate(pictures: list[Image.Image], path: Path, durations: list[int], **options: Any) -> None:
    rest = pictures[1:]
    pictures[0].save(path, save_all=True, append_images=rest, duration=durations, loop=0, **options)


def durations_of(clip: Clip, tick: int) -> list[int]:
    """Milliseconds each frame stays, in whole ticks, without drift over the clip."""
    edges = np.round(np.arange(len(clip) + 1) * 1000 / clip.fps / tick).astype(int) * tick
    return np.diff(edges).tolist()


FORMATS: dict[str, Callable[[Clip, str, Path], None]] = {
    ".mp4": encode_mp4,
    ".gif": encode_gif,
    ".webp": encode_webp,
    ".mkv": encode_mkv,
}
STREAMS: dict[str, Callable[[Footage, str, Path], None]] = {".mp4": encode_mp4, ".mkv": encode_mkv}
