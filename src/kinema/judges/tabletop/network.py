"""The judge's eyes: a small network that answers fixed questions about a clip from its frames.

Each frame enters beside its difference to the previous one, convolutions see neighboring frames
through shifted channels (TSM, Lin et al. 2019), and one learned query per question gathers what it
needs by cross-attention (DETR, Carion et al. 2020), so that "which color has the subject" can
look at the subject and not at the other object.

Axes: b clips, f frames, c channels, h w picture, n positions, q questions, d features.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from kinema.clips import to_tensor
from kinema.storage.weights import PretrainedMixin

SIZE = 64  # pixels; other sizes are resized
FRAMES_PER_SECOND = 4  # clips are thinned to this rate before they are looked at


def shift_frames(x: Tensor, num_frames: int) -> Tensor:
    """Give a quarter of the channels the previous frame's values, a quarter the next one's.

    Temporal shift module (Lin et al. 2019): the spatial convolution that follows becomes one over
    space and time at no cost. x: (b f) c h w in channels-last memory; zeros beyond the ends.
    """
    x = rearrange(x, "(b f) c h w -> b f h w c", f=num_frames)
    quarter = x.shape[-1] // 4
    before = F.pad(x[:, :-1, ..., :quarter], (0, 0, 0, 0, 0, 0, 1, 0))
    after = F.pad(x[:, 1:, ..., quarter : 2 * quarter], (0, 0, 0, 0, 0, 0, 0, 1))
    shifted = torch.cat([before, after, x[..., 2 * quarter :]], -1)
    return rearrange(shifted, "b f h w c -> (b f) c h w")


class Block(nn.Module):
    """A residual convolution over 3 frames x 3 x 3 positions."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        return x + F.relu(self.norm(self.conv(shift_frames(x, num_frames))))


class Down(nn.Module):
    """Fewer, wider positions."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int, padding: int):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Look(nn.Module):
    """The questions look at the clip, then at one another."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        self.at_clip = nn.MultiheadAttention(dim, num_heads, batch_first=True)
        self.at_each_other = nn.MultiheadAttention(dim, num_heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(self, questions: Tensor, clip: Tensor) -> Tensor:
        x = self.norms[0](questions)
        questions = questions + self.at_clip(x, clip, clip, need_weights=False)[0]
        x = self.norms[1](questions)
        questions = questions + self.at_each_other(x, x, x, need_weights=False)[0]
        return questions + self.mlp(self.norms[2](questions))


@dataclass
class JudgeConfig:
    """What a JudgeNetwork is."""

    vocabulary: dict[str, list[str]]  # question -> answers, in the order of the logits
    # at a quarter and at an eighth of the picture's size; the latter is also the width of the
    # attention
    channels: tuple[int, int] = (48, 96)
    num_looks: int = 2  # how often the questions attend to the clip
    num_heads: int = 4  # heads of the attention


class JudgeNetwork(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """Answers one multiple-choice question per entry of the vocabulary."""

    config_class = JudgeConfig

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        vocabulary, num_heads = config.vocabulary, config.num_heads
        channels, dim = config.channels
        self.layers = nn.ModuleList(
            [
                Down(6, channels, kernel=8, stride=4, padding=2),
                Block(channels),
                Block(channels),
                Down(channels, dim, kernel=3, stride=2, padding=1),
                Block(dim),
                Block(dim),
            ]
        )
        self.norm = nn.LayerNorm(dim)
        self.place = nn.Linear(8, dim)
        # By name and not by row: a configuration read from JSON has its keys in another order.
        self.questions = nn.ParameterDict({q: torch.randn(dim) / dim**0.5 for q in vocabulary})
        self.looks = nn.ModuleList(Look(dim, num_heads) for _ in range(config.num_looks))
        self.answers = nn.ModuleDict({q: nn.Linear(dim, len(a)) for q, a in vocabulary.items()})

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """Logits (b, answers) for each question from frames (b c f h w) in [-1, 1]."""
        b, _, f, _, _ = frames.shape
        frames = rearrange(frames, "b c f h w -> b f h w c")
        change = torch.diff(frames, dim=1, prepend=frames[:, :1])
        x = rearrange(torch.cat([frames, change], -1), "b f h w c -> (b f) c h w")
        for layer in self.layers:
            x = layer(x, f)  # (b f) c h w
        h, w = x.shape[-2:]
        clip = self.norm(rearrange(x, "(b f) c h w -> b (f h w) c", b=b))
        clip = clip + self.place(coordinates(f, h, w).to(x))
        names = list(self.config.vocabulary)
        questions = torch.stack([self.questions[name] for name in names])
        questions = repeat(questions, "q d -> b q d", b=b)
        for look in self.looks:
            questions = look(questions, clip)
        return {name: self.answers[name](questions[:, i]) for i, name in enumerate(names)}


def prepare(frames: np.ndarray, fps: float) -> Tensor:
    """Convert frames uint8 (f h w 3) for the network: (3 f' 64 64) in [-1, 1], 4 a second."""
    stride = max(1, round(fps / FRAMES_PER_SECOND))
    images = to_tensor(frames[::stride], layout="f c h w")
    if images.shape[-2:] != (SIZE, SIZE):
        images = F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True)
    return rearrange(images, "f c h w -> c f h w")


def coordinates(num_frames: int, height: int, width: int) -> Tensor:
    """(f h w) 8: where a position lies in the clip, each axis in [-1, 1], and its low waves."""
    axes = [torch.arange(n) * 2 / max(n - 1, 1) - 1 for n in (num_frames, height, width)]
    t, y, x = torch.meshgrid(*axes, indexing="ij")
    waves = [torch.sin(torch.pi * t), torch.cos(torch.pi * t)]
    waves += [torch.cos(torch.pi * y), torch.cos(torch.pi * x), torch.sin(torch.pi * x)]
    return torch.stack([t, y, x, *waves], -1).reshape(-1, 8)
