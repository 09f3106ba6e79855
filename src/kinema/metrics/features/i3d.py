"""I3D: the features of the Frechet video distance (Unterthiner et al. 2018).

Inception with 3-D kernels, trained to tell the 400 actions of Kinetics (Carreira and Zisserman
2017); the features are its 400 logits, averaged over time. Weights come from a file that the user
names, of either kind that is in use:

- a state dict under the names of the PyTorch port, `rgb_imagenet.pt` or `i3d_pretrained_400.pt`,
  which this file's network takes;
- the TorchScript `i3d_torchscript.pt` of StyleGAN-V (Skorokhodov et al. 2022), whose tensors this
  file's network takes, too: the program in the file is not run.

Before: bilinear without antialiasing to 224 x 224, values to [-1, 1]. "squash" ignores the aspect,
as the first FVD, VideoGPT and CD-FVD do; "crop" takes the shorter side to 224 and cuts out the
middle, as most who call the TorchScript do. For square videos they are one.
Axes: b batch, c channels, f frames, h height, w width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.errors import UserError, nearest
from kinema.storage.torchscript import batch_norm_eps, is_torchscript, read_torchscript
from kinema.storage.weights import existing_file, load_weights, read_weights

SIDE = 224
EPS = 1e-3  # of TensorFlow's batch norm
Size3 = tuple[int, int, int]
# Widths of the branches: 1x1, then 1x1 and 3x3 twice, then the one behind the pooling.
INCEPTIONS = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}


class I3D(nn.Module):
    """i3d(x: b 3 f h w in [-1, 1]) -> logits (b 400), the mean over time."""

    def __init__(self, num_classes: int = 400) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, (7, 7, 7), (2, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64, (1, 1, 1))
        self.Conv3d_2c_3x3 = Unit(64, 192, (3, 3, 3))
        for name, (width, branches) in INCEPTIONS.items():
            self.add_module(name, Inception(width, branches))
        self.logits = Unit(1024, num_classes, (1, 1, 1), plain=True)

    @classmethod
    def from_file(cls, path: str | Path) -> I3D:
        """Load a state dict, or the tensors of a TorchScript archive.

        Raises:
            UserError: if the file is missing or foreign.
        """
        network = cls()
        if is_torchscript(existing_file(path)):
            tensors = by_shape(network, read_torchscript(path))
            network.set_eps(batch_norm_eps(path) or EPS)
        else:
            tensors = read_weights(path)
        load_weights(network, tensors, path)
        return network.eval()

    def set_eps(self, eps: float) -> None:
        """Set the number under the root of every batch norm."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv3d_1a_7x7(x)  # b 64 f/2 112 112
        x = same_max_pool(x, (1, 3, 3), (1, 2, 2))
        x = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x))  # b 192 f/2 56 56
        x = same_max_pool(x, (1, 3, 3), (1, 2, 2))
        x = self.Mixed_3c(self.Mixed_3b(x))  # b 480 f/2 28 28
        x = same_max_pool(x, (3, 3, 3), (2, 2, 2))
        x = self.Mixed_4d(self.Mixed_4c(self.Mixed_4b(x)))
        x = self.Mixed_4f(self.Mixed_4e(x))  # b 832 f/4 14 14
        x = same_max_pool(x, (2, 2, 2), (2, 2, 2))
        x = self.Mixed_5c(self.Mixed_5b(x))  # b 1024 f/8 7 7
        x = self.logits(F.avg_pool3d(x, (2, 7, 7), stride=1))  # b 400 f/8-1 1 1
        return rearrange(x, "b c f 1 1 -> b c f").mean(2)


class Unit(nn.Module):
    """Convolution, batch norm, ReLU, with TensorFlow's padding; `plain` is a biased convolution."""

    def __init__(
        self, width: int, out: int, kernel: Size3, stride: Size3 = (1, 1, 1), plain: bool = False
    ) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(width, out, kernel, stride, bias=plain)
        self.bn = None if plain else nn.BatchNorm3d(out, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv3d(same_pad(x, self.conv3d.kernel_size, self.conv3d.stride))
        return x if self.bn is None else self.bn(x).relu()


class Inception(nn.Module):
    """Four views of the input, side by side."""

    def __init__(self, width: int, out: tuple[int, ...]) -> None:
        super().__init__()
        one, three = (1, 1, 1), (3, 3, 3)
        self.b0 = Unit(width, out[0], one)
        self.b1a, self.b1b = Unit(width, out[1], one), Unit(out[1], out[2], three)
        self.b2a, self.b2b = Unit(width, out[3], one), Unit(out[3], out[4], three)
        self.b3b = Unit(width, out[5], one)

    def forward(self, x: Tensor) -> Tensor:
        pooled = same_max_pool(x, (3, 3, 3), (1, 1, 1))
        views = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)]
        return torch.cat(views, dim=1)


def i3d_features(
    path: str | Path, resize: str = "squash", device: str = "cpu"
) -> Callable[[Tensor], Tensor]:
    """The features of clips (b 3 f h w in [-1, 1], at least 10 frames), from either kind of file.

    `resize` is "squash" or "crop".

    Returns:
        A function from clips to (b 400).

    Raises:
        UserError: if the file is missing or foreign, or there is no such way to resize.
    """
    if resize not in RESIZES:
        raise UserError(f"There is no resize {resize!r}; {nearest(resize, list(RESIZES))}")
    network = I3D.from_file(path).to(device)
    return lambda x: network(RESIZES[resize](x).to(device))


def by_shape(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of another port of a network the network's own names.

    Ports differ in what they call their parts, not in the parts and their order: each of the
    network's tensors is the first unused one of its shape and last name (weight, running_var).
    """
    unused, named = dict(tensors), {}
    for name, own in network.state_dict().items():
        last = name.rpartition(".")[2]
        alike = (n for n, t in unused.items() if n.endswith(last) and t.shape == own.shape)
        if theirs := next(alike, None):
            named[name] = unused.pop(theirs)
    return {**named, **unused}


def squash(x: Tensor, side: int = SIDE) -> Tensor:
    """Clips (b c f h w) to side x side, whatever their aspect; bilinear, no antialiasing."""
    f, h, w = x.shape[2], side, side
    flat = rearrange(x, "b c f h w -> (b f) c h w")
    return rearrange(
        F.interpolate(flat, (h, w), mode="bilinear", align_corners=False),
        "(b f) c h w -> b c f h w", f=f,
    )  # fmt: skip


def crop(x: Tensor, side: int = SIDE) -> Tensor:
    """The middle of clips (b c f h w) whose shorter side is taken to `side`."""
    f, (h, w) = x.shape[2], x.shape[3:]
    size = (math.ceil(h * side / min(h, w)), math.ceil(w * side / min(h, w)))
    flat = rearrange(x, "b c f h w -> (b f) c h w")
    flat = F.interpolate(flat, size, mode="bilinear", align_corners=False)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    flat = flat[..., top : top + side, left : left + side]
    return rearrange(flat, "(b f) c h w -> b c f h w", f=f)


RESIZES: dict[str, Callable[[Tensor], Tensor]] = {"squash": squash, "crop": crop}


def same_pad(x: Tensor, kernel: Size3, stride: Size3) -> Tensor:
    """Zeros around (b c f h w), as TensorFlow's SAME adds them: the odd one behind."""
    edges: list[int] = []
    for n, k, s in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):
        total = max(k - (n % s or s), 0)
        edges += [total // 2, total - total // 2]
    return F.pad(x, edges)


def same_max_pool(x: Tensor, kernel: Size3, stride: Size3) -> Tensor:
    return F.max_pool3d(same_pad(x, kernel, stride), kernel, stride)
