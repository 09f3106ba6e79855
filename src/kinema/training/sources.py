"""Where clips come from: a world that renders them, a folder of files, a codec that encodes them.

All of them answer the same question, "which clips have these indices?", and the answer depends on
nothing else, so that shards may be made in any order by any process. Folders of files have a
module of their own, `kinema.training.footage`.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Annotated, TypeVar

import numpy as np
import torch
from torch import Tensor

from kinema.clips import to_tensor
from kinema.codecs import Codec
from kinema.errors import UserError
from kinema.fields import Count, Level, Name, OneOf, Positive, Seed, Side, check_fields
from kinema.interop import codec_fingerprint, load_codec
from kinema.motion import DIS, Flow, confirmed, optical_flow
from kinema.training.footage import FolderClips, fingerprint
from kinema.worlds import Rendering, WorldClip, discs, tabletop
from kinema.worlds.tabletop import captions

RENDERER = 2  # raise it when the tabletop's pictures or captions change: old shards are left alone


class Rendered(ABC):
    """Clips of a world, rendered as they are asked for."""

    size: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a clip."""
        return self.size, self.size

    @abstractmethod
    def render(self, indices: list[int], truth: bool = False) -> list[WorldClip]:
        """The clips as the world gives them, on request with their exact motion."""

    def make(self, indices: list[int]) -> tuple[dict[str, Tensor], list[str]]:
        """frames: (n, f, h, w, 3) uint8."""
        clips = self.render(indices)
        frames = torch.from_numpy(np.stack([clip.frames for clip in clips]))
        return {"frames": frames}, [clip.caption for clip in clips]


@dataclass
class WorldClips(Rendered):
    """Clips of the tabletop world."""

    # levels of the world; clip i is of level `levels[i % len(levels)]`
    levels: tuple[Level, ...] = (1,)
    # "train" leaves the held-out combinations of attributes out
    split: Annotated[str, OneOf(("train", "held_out", "all"))] = "train"
    num_frames: Count = 33  # frames a clip
    size: Side = 64  # height and width in pixels
    fps: Positive = 16.0  # frames per second
    seed: Seed = 0  # clip i of seed s is scene `s + i`
    num_clips: Count = 16_384  # how many different clips there are
    device: Name = "cpu"  # where rays are cast, "cpu" or "cuda"

    @property
    def name(self) -> str:
        """Differs when the clips differ, the renderer's version included."""
        elsewhere = ("num_clips", "device")
        settings = {k: v for k, v in asdict(self).items() if k not in elsewhere}
        mark = fingerprint(renderer=RENDERER, **settings)
        return f"tabletop-{''.join(map(str, self.levels))}-{self.split}-{mark}"

    def corpus(self) -> list[str]:
        """Every word that a caption of this world may hold."""
        return sorted(captions.vocabulary())

    def render(self, indices: list[int], truth: bool = False) -> list[WorldClip]:
        clips: dict[int, WorldClip] = {}
        for level in set(self.levels):
            chosen = [i for i in indices if self.levels[i % len(self.levels)] == level]
            seeds = [self.seed + i for i in chosen]
            how = (self.num_frames, self.size, level, self.split, self.fps)
            rendering = Rendering(*how, truth=truth, device=self.device)
            rendered = tabletop.render(seeds, rendering)
            clips.update(zip(chosen, rendered, strict=True))
        return [clips[i] for i in indices]


@dataclass
class DiscClips(Rendered):
    """Clips of discs under one law of mechanics."""

    # "uniform", "parabola", "collision", "box" or "curtain"
    law: Annotated[str, OneOf(tuple(discs.LAWS))] = "uniform"
    # "train" in distribution, "held_out" outside it, "edges" without the middle speeds, "swift"
    # with more discs that an impact makes fast
    split: Annotated[str, OneOf(tuple(discs.SPLITS))] = "train"
    num_frames: Count = 32  # frames a clip, a tenth of a second apart
    size: Side = 32  # height and width in pixels
    seed: Seed = 0  # clip i is scene `seed + i`
    num_clips: Count = 30_000  # how many different clips there are

    def __post_init__(self):
        check_fields(self, "The clips' ")

    @property
    def name(self) -> str:
        """Differs when the clips differ."""
        settings = {k: v for k, v in asdict(self).items() if k != "num_clips"}
        return f"discs-{self.law}-{self.split}-{fingerprint(**settings)}"

    @property
    def level(self) -> int:
        """Of the world of discs."""
        return discs.LAWS[self.law]

    def corpus(self) -> list[str]:
        """The captions."""
        scenes = (discs.sample_scene(seed, self.level) for seed in range(100))
        return list(dict.fromkeys(discs.caption(scene) for scene in scenes))

    def render(self, indices: list[int], truth: bool = False) -> list[WorldClip]:
        seeds = [self.seed + i for i in indices]
        rendering = Rendering(self.num_frames, self.size, self.level, self.split, truth=truth)
        return discs.render(seeds, rendering)


Clips = WorldClips | DiscClips | FolderClips
Data = TypeVar("Data", bound=Clips)


def never_trained_on(data: Data, held_out: Data) -> Data:
    """`held_out`, or the files of `data` that it leaves out if `held_out` names no folder.

    Raises:
        UserError: if it leaves none out.
    """
    if not isinstance(held_out, FolderClips) or held_out.folder:
        return held_out
    if not isinstance(data, FolderClips) or data.part != "train":
        raise UserError(
            "No clips are held out: give --data.part train, or another folder with "
            "--held_out.folder."
        )
    return replace(data, part="held_out", num_clips=held_out.num_clips)


def unseen(data: WorldClips, num_clips: int = 64) -> WorldClips:
    """Clips like `data` that no run ever trains on: held-out attributes, far seeds."""
    return replace(data, split="held_out", seed=10**9, num_clips=num_clips)


@dataclass
class ClipsWithFlow:
    """Another source's clips with their motion: exact for a world, estimated for files."""

    clips: Clips  # a source of frames

    @property
    def num_clips(self) -> int:
        return self.clips.num_clips

    @property
    def name(self) -> str:
        return f"{self.clips.name}-flow"

    def make(self, indices: list[int]) -> tuple[dict[str, Tensor], list[str]]:
        """frames; flow: (n, f-1, h, w, 2) float16, pixels from frame t to t+1; seen: (n, f-1, h, w)
        bool, where the pixel is still there in frame t+1."""
        if not isinstance(self.clips, FolderClips):
            made = self.clips.render(indices, truth=True)
            flows = [exact(clip) for clip in made]
            tensors = {"frames": torch.from_numpy(np.stack([clip.frames for clip in made]))}
            captions = [clip.caption for clip in made]
        else:
            tensors, captions = self.clips.make(indices)
            flows = [
                optical_flow(frames, DIS(short_side=128)) for frames in tensors["frames"].numpy()
            ]
        moves = torch.from_numpy(np.stack([flow.forward for flow in flows])).half()
        seen = torch.from_numpy(np.stack([still_there(flow) for flow in flows]))
        return {**tensors, "flow": moves, "seen": seen}, captions


def exact(clip: WorldClip) -> Flow:
    truth = clip.truth
    assert truth and truth.flow_forward is not None and truth.flow_backward is not None
    return Flow(truth.flow_forward, truth.flow_backward)


def still_there(flow: Flow) -> np.ndarray:
    pairs = zip(flow.forward, flow.backward, strict=True)
    masks = [confirmed(ahead, back) for ahead, back in pairs]
    return np.asarray(masks, bool).reshape(flow.forward.shape[:3])


@dataclass
class CodecLatents:
    """The latents of another source's clips, and one frame of each clip as an image."""

    frames: WorldClips | FolderClips  # a source of frames
    codec: str  # folder of the codec, as `kinema.interop.load_codec` takes it
    batch_size: int = 8  # clips encoded together
    device: str = "cpu"  # where they are encoded

    @property
    def num_clips(self) -> int:
        return self.frames.num_clips

    @property
    def name(self) -> str:
        """Differs when the clips or the codec's weights differ."""
        return f"{self.frames.name}-latents-{codec_fingerprint(self.codec)}"

    @cached_property
    def loaded_codec(self) -> Codec:
        codec = load_codec(self.codec)
        return codec if self.device == "cpu" else codec.to(self.device)

    @torch.no_grad()
    @torch.autocast("cpu", enabled=False)  # the same latents, whoever asks for them
    @torch.autocast("cuda", enabled=False)
    def make(self, indices: list[int]) -> tuple[dict[str, Tensor], list[str]]:
        """latents: (n, c, f', h', w') float16; image: (n, c, 1, h', w'), a frame of each clip."""
        tensors, captions = self.frames.make(indices)
        latents, images = [], []
        for start in range(0, len(indices), self.batch_size):
            rows = slice(start, start + self.batch_size)
            frames = to_tensor(tensors["frames"][rows].numpy()).to(self.device)
            pairs = zip(frames, indices[rows], strict=True)
            stills = torch.stack([still(clip, index) for clip, index in pairs])
            latents.append(self.loaded_codec.encode(frames).half())
            images.append(self.loaded_codec.encode(stills).half())
        return {"latents": torch.cat(latents), "image": torch.cat(images)}, captions


def still(clip: Tensor, index: int) -> Tensor:
    """One frame of a clip (c f h w), the same for the same index: c 1 h w."""
    moment = int(np.random.default_rng(index).integers(clip.shape[1]))
    return clip[:, moment : moment + 1]
