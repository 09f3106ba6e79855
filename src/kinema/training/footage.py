"""Clips of one's own: the files of a folder, cut to clips of one length and shape."""

import hashlib
import json
from collections import Counter
from copy import copy
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from kinema.clips import ClipFolder, inspect
from kinema.errors import UserError
from kinema.fields import Count, OneOf, Seed, Side, Weight, Whole, check_fields
from kinema.training.waiting import telling

LOOKED_AT = 64  # files of a folder, to tell what its footage is like
HOLD_OUT = 20  # of so many files of a folder one is held out


def fingerprint(**settings: Any) -> str:
    """Ten characters that differ when any setting differs."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]


@dataclass(frozen=True)
class FootageFormat:
    """What the files of a folder are like, by the commonest among them."""

    fps: float  # frames per second
    height: int  # in pixels
    width: int  # in pixels


@dataclass
class FolderClips:
    """Clips cut from the files of a folder with `metadata.jsonl`."""

    folder: str = "clips"  # holds `metadata.jsonl`, lines of `{"file_name": ..., "text": ...}`
    num_frames: Count = 33  # frames a clip
    size: Side = 64  # height in pixels, and width unless that is given
    # in pixels; 0 is as wide as high, -1 the shape that most of the footage has, with `size` as the
    # shorter side
    width: int = 0
    stride: Count = 1  # take every stride-th frame
    fps: Weight = 0.0  # frames per second that the files are brought to; 0 leaves each at its own
    seed: Seed = 0  # decides where clips start and how they are cropped
    # how many different cuts there are, every file being cut about equally often; 0 is as many as
    # the files hold one after the other
    num_clips: Whole = 4_096
    # "train" leaves every 20th file out, "held_out" takes only those, "all" takes all
    part: Annotated[str, OneOf(("all", "train", "held_out"))] = "all"

    def __post_init__(self) -> None:
        check_fields(self, "The clips' ")

    @property
    def name(self) -> str:
        """Differs when the settings, the list of files or their captions differ."""
        settings = {k: v for k, v in asdict(self).items() if k != "num_clips"}
        files = [(item.path.name, item.path.stat().st_size, item.text) for item in self.clips.items]
        return f"{Path(self.folder).name}-{fingerprint(files=files, **settings)}"

    @cached_property
    def clips(self) -> ClipFolder:
        """The files of this part, unreadable ones set aside with the reason."""
        clips = ClipFolder(
            self.folder,
            self.num_frames,
            (self.size, max(self.width, 0) or self.size),
            stride=self.stride,
            fps=self.fps or None,
            seed=self.seed,
        )
        if self.width < 0:
            clips.size = shape_like(footage_of(clips), self.size)
        if self.part != "all" and len(clips) < 2:
            raise UserError(
                f"{self.folder} holds one clip that can be used, of which no part can be held out: "
                "add clips, or take it whole (--data.part all) and name a --held_out.folder."
            )
        if self.part != "all":
            out = {item.name for item in clips.items[1 :: min(HOLD_OUT, len(clips))]}
            clips.items = [
                item for item in clips.items if (item.name in out) == (self.part == "held_out")
            ]
        return clips

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a clip."""
        return self.clips.size if self.width < 0 else (self.size, self.width or self.size)

    @cached_property
    def footage(self) -> FootageFormat:
        """What the files are like."""
        return footage_of(self.clips)

    def counted(self) -> "FolderClips":
        """With `num_clips` 0 replaced by how many clips the files hold one after the other."""
        span = self.num_frames * self.stride
        held = sum(max(item.num_frames // span, 1) for item in self.clips.items)
        counted = copy(self)  # with the list of files, which takes long to read
        counted.num_clips = self.num_clips or held
        return counted

    def corpus(self) -> list[str]:
        """The captions."""
        return [item.text for item in self.clips.items]

    def make(self, indices: list[int]) -> tuple[dict[str, Tensor], list[str]]:
        """frames: (n, f, h, w, 3) uint8."""
        files = len(self.clips)
        cuts = [self.clips.clip(i % files, epoch=i // files) for i in indices]
        frames = torch.from_numpy(np.stack([cut.frames for cut in cuts]))
        return {"frames": frames}, [cut.text for cut in cuts]


def footage_of(clips: ClipFolder) -> FootageFormat:
    """The commonest frame rate and the commonest shape of the first files of a folder."""
    with telling(f"Reading what the files in {clips.folder} are like."):
        infos = [inspect(item.path) for item in clips.items[:LOOKED_AT]]
    (height, width), _ = Counter((i.height, i.width) for i in infos).most_common(1)[0]
    return FootageFormat(Counter(i.fps for i in infos).most_common(1)[0][0], height, width)


def shape_like(footage: FootageFormat, short_side: int) -> tuple[int, int]:
    """Height and width with the aspect ratio of footage, the longer side a multiple of 16."""
    long_side = short_side * max(footage.height, footage.width) / min(footage.height, footage.width)
    long_side = max(16 * round(long_side / 16), short_side)
    if footage.height > footage.width:
        return long_side, short_side
    return short_side, long_side
