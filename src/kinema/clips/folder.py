"""A folder of clips with captions, as Hugging Face lays it out: `metadata.jsonl` beside the files.

    {"file_name": "0001.mp4", "text": "a red ball rolls to the right"}

Each item carries its own caption, so a file set aside can never shift the captions of others.
What an item holds is a function of (seed, epoch, index) alone: the same in every process and
after every resume.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from kinema.clips.clip import Clip
from kinema.clips.reading import inspect, read
from kinema.errors import UserError, brief, notify
from kinema.storage.atomic import require_file


@dataclass(frozen=True)
class Item:
    """A file that can be read, its caption, and how many frames may be drawn from."""

    name: str
    path: Path
    text: str
    num_frames: int


class ClipFolder:
    """Clips of one length and size, cut from the files of a folder.

    Args:
        folder: holds `metadata.jsonl`, lines of `{"file_name": ..., "text": ...}`.
        num_frames: frames in each clip.
        size: height and width of each clip; frames are scaled to cover it, then cropped.
        stride: take every stride-th frame.
        fps: bring every file to this rate first; None leaves each at its own.
        seed: with the epoch and the index, decides where a clip starts and is cropped.

    Attributes:
        items: what can be read, in the order of `metadata.jsonl`.
        set_aside: the reason for each file that cannot, by its name.

    Raises:
        UserError: if the folder or its `metadata.jsonl` is missing or malformed, or no file fits.
    """

    def __init__(
        self,
        folder: str | Path,
        num_frames: int,
        size: tuple[int, int],
        *,
        stride: int = 1,
        fps: float | None = None,
        seed: int = 0,
    ) -> None:
        self.folder, self.num_frames, self.size = Path(folder), num_frames, size
        self.stride, self.fps, self.seed = stride, fps, seed
        self.set_aside: dict[str, str] = {}
        self.items = list(self._readable_items())
        if not self.items:
            raise UserError(f"{folder} holds no clip that can be used: {self.reasons()}")
        if self.set_aside:
            notify(f"{folder}: set aside {self.reasons()}")

    def reasons(self) -> str:
        """Why files were set aside, the first few of them."""
        shown = " ".join(list(self.set_aside.values())[:3]) or "metadata.jsonl names none."
        return f"{len(self.set_aside)} file(s). {shown}"

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, epoch: int = 0) -> Clip:
        """Item `index` as drawn in an epoch: frames `(num_frames, *size, 3)` and its caption.

        A file that turns out damaged only when decoded is set aside with a warning, and the next
        item that can be read stands in, with its own caption.
        """
        for step in range(len(self)):
            item = self.items[(index + step) % len(self)]
            if item.name in self.set_aside:
                continue
            try:
                return self._cut(item, np.random.default_rng([self.seed, epoch, index]))
            except UserError as error:
                self.set_aside[item.name] = str(error)
                notify(f"Set aside while reading: {error}")
        raise UserError(f"{self.folder} holds no clip that can still be read: {self.reasons()}")

    def _cut(self, item: Item, rng: np.random.Generator) -> Clip:
        start = int(rng.integers(item.num_frames - self._span() + 1))
        corner = rng.uniform(size=2)
        clip = read(
            item.path,
            num_frames=self.num_frames,
            start=start,
            stride=self.stride,
            fps=self.fps,
            size=self.size,
            crop=(float(corner[0]), float(corner[1])),
        )
        clip.text = item.text
        return clip

    def _span(self) -> int:
        """How many frames of the file one clip reaches over."""
        return (self.num_frames - 1) * self.stride + 1

    def _readable_items(self) -> Iterator[Item]:
        for name, text in rows(self.folder):
            path = self.folder / name
            try:
                info = inspect(path)
                scale = self.fps / info.fps if self.fps else 1
                item = Item(name, path, text, int(info.num_frames * scale))
                if item.num_frames < self._span():
                    raise UserError(
                        f"{path} is too short: it has {item.num_frames} frames, "
                        f"{self.num_frames} at stride {self.stride} need {self._span()}."
                    )
            except UserError as error:
                self.set_aside[name] = str(error)
            else:
                yield item


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """The (file_name, text) pairs of `metadata.jsonl`."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name one that holds metadata.jsonl and clips.")
    path = require_file(folder / "metadata.jsonl", "list of clips")
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
            name, text = row["file_name"], row.get("text") or ""
            if not (isinstance(name, str) and isinstance(text, str)):
                raise TypeError("a name or a text is none")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(
                f'{path}, line {number}: expected {{"file_name": ..., "text": ...}} '
                f"({brief(error)})."
            ) from error
        if not is_inside(name):
            raise UserError(
                f"{path}, line {number}: {name[:80]!r} leads out of the folder; put the file there."
            )
        yield name, text


def is_inside(name: str) -> bool:
    """Return whether a name stays in its folder: it is relative and has no `..` in it.

    Symbolic links in the folder are followed: whoever made the folder made them, as the cache of
    the Hugging Face hub does.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    is_whole = bool(path.parts) and "\0" not in name
    is_absolute = path.is_absolute() or PureWindowsPath(name).is_absolute()
    return is_whole and not is_absolute and ".." not in path.parts
