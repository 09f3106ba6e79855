"""The note that kinema writes into a file's comment: what the format cannot say.

    {"seed": 3, "kinema": {"text": "a ball", "fps": 16, "num_frames": 33, "size": [64, 64]}}

A file comes from anywhere, and so may its comment. A note that is malformed in any way is read as
no note: the file then speaks for itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

MAX_FPS = 1000
MAX_SIDE, MAX_FRAMES = 2**16, 2**31


@dataclass(frozen=True)
class Note:
    """What a file says of its clip.

    Attributes:
        text: the caption or prompt; None if no note says it.
        fps: frames per second in (0, 1000]; None if no note says it.
        num_frames: that the file must hold; None if no note says it.
        size: height and width before an odd side was padded; None if no note says it.
        metadata: what else `write` was given.
    """

    text: str | None = None
    fps: float | None = None
    num_frames: int | None = None
    size: tuple[int, int] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def write_note(note: Note) -> str:
    """Return the comment of a file; values that JSON cannot hold become texts."""
    own = {
        "text": note.text,
        "fps": note.fps,
        "num_frames": note.num_frames,
        "size": note.size,
    }
    return json.dumps({**note.metadata, "kinema": own}, default=str)


def read_note(comment: str) -> Note:
    """Read the comment of a file; an empty note for the files of others."""
    if '"kinema"' not in comment:
        return Note()
    try:
        values = json.loads(comment)
        own = values.pop("kinema")
        return Note(
            text=expect(own["text"], isinstance(own["text"], str)),
            fps=expect(own["fps"], is_number(own["fps"]) and 0 < own["fps"] <= MAX_FPS),
            num_frames=expect(own["num_frames"], is_count(own["num_frames"], MAX_FRAMES)),
            size=size_of(own["size"]),
            metadata=values,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Note()


def expect(value: Any, is_right: bool) -> Any:
    if not is_right:
        raise ValueError("not what `write_note` writes")
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def size_of(value: Any) -> tuple[int, int]:
    height, width = expect(value, isinstance(value, list))
    expect(value, is_count(height, MAX_SIDE) and is_count(width, MAX_SIDE))
    return height, width
