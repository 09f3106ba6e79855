"""LPIPS: how different two pictures look, in the features of a network trained to recognize things.

Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", version
0.1: both pictures pass a VGG16 or AlexNet; at five depths the features are scaled to unit length
across channels, their squared difference is weighted by a learned head and averaged over positions.

    d(x, y) = sum over depths l of mean over positions of  w_l . (x_l / |x_l| - y_l / |y_l|)^2

The trunk and the heads come from two files that the user names: torchvision's `vgg16-397923af.pth`
or `alexnet-owt-7be5be79.pth` (names `features.0.weight` ...) and the `vgg.pth` or `alex.pth` of the
`lpips` package (names `lin0.model.1.weight` ...). The network is told by the shapes of the trunk.
Axes: b batch, c channels, f frames, h height, w width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.motion.tensors import to_tensor
from kinema.storage.weights import load_weights, read_weights

# ImageNet statistics in units of [-1, 1], as Zhang et al. round them.
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
VGG_WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)


@dataclass(frozen=True)
class Trunk:
    """A network to look through."""

    layers: nn.Sequential  # of torchvision's `features`, as far as they are needed
    depths: tuple[int, ...]  # index in `layers` of the activations that are compared
    widths: tuple[int, ...]  # channels there
    least: int  # height and width below which nothing would be left


class LPIPS(nn.Module):
    """lpips(x, y) -> (b,): 0 for equal pictures, mostly below 1; differentiable in both."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.features, self.depths, self.least = trunk.layers, trunk.depths, trunk.least
        self.heads = nn.ParameterList(torch.zeros(width) for width in trunk.widths)
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    @classmethod
    def from_files(cls, trunk: str | Path, heads: str | Path) -> LPIPS:
        """Read torchvision's VGG16 or AlexNet, and the heads of the lpips package.

        Which network it is, the trunk says; its classifier is ignored.

        Raises:
            UserError: if a file is missing, foreign, or the two do not belong together.
        """
        tensors = read_weights(trunk)
        network = cls(recognize(tensors, trunk))
        kept = {name.removeprefix("features."): tensor for name, tensor in tensors.items()
                if name.startswith("features.")}  # fmt: skip
        known = network.features.state_dict()
        load_weights(network.features, {n: t for n, t in kept.items() if n in known}, trunk)
        network._load_heads(heads)
        return network

    def _load_heads(self, path: str | Path) -> None:
        tensors = read_weights(path)
        for depth, head in enumerate(self.heads):
            weight = tensors.get(f"lin{depth}.model.1.weight")
            if weight is None or weight.numel() != head.numel():
                raise UserError(
                    f"{path} does not hold the LPIPS heads of this trunk: a weight "
                    f"'lin{depth}.model.1.weight' of {head.numel()} channels is missing."
                )
            head.data.copy_(weight.flatten())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance (b,) of x and y, b 3 h w or b 3 f h w in [-1, 1]; over frames the mean.

        Raises:
            UserError: if the shapes differ, or the pictures are too small for the trunk.
        """
        if x.shape != y.shape or x.dim() not in (4, 5):
            raise UserError(f"LPIPS compares pictures of one shape, not {x.shape} and {y.shape}.")
        if min(x.shape[-2:]) < self.least:
            raise UserError(f"LPIPS needs pictures of at least {self.least} pixels a side.")
        b = x.shape[0]
        if x.dim() == 5:
            x, y = (rearrange(z, "b c f h w -> (b f) c h w") for z in (x, y))
        with torch.autocast(x.device.type, enabled=False):  # bf16 would drown small differences
            distance = self.pictures(x.float(), y.float())
        return rearrange(distance, "(b f) -> b f", b=b).mean(1)

    def pictures(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance (b,) of pictures (b 3 h w)."""
        distance = torch.zeros(len(x), device=x.device)
        for head, one, other in zip(self.heads, self.look(x), self.look(y), strict=True):
            difference = (unit(one) - unit(other)).square()  # b c h' w'
            distance = distance + torch.einsum("bchw,c->bhw", difference, head).mean((1, 2))
        return distance

    def look(self, x: Tensor) -> list[Tensor]:
        """Activations (b c h' w') of pictures (b 3 h w) at the five depths."""
        x, seen = (x - self.shift) / self.scale, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.depths:
                seen.append(x)
        return seen


def lpips(network: LPIPS, frames: np.ndarray, reference: np.ndarray) -> Score:
    """LPIPS of a clip and the clip it should be: the mean over frames, with its curve.

    Both are uint8 (f h w 3).

    Raises:
        UserError: if the shapes differ, or the frames are too small.
    """
    if frames.shape != reference.shape:
        raise UserError(
            f"LPIPS compares clips of one shape, not {frames.shape} and {reference.shape}."
        )
    device = network.heads[0].device
    with torch.no_grad():
        curve = [
            network(*(to_tensor(frame[None], "f c h w").to(device) for frame in pair)).item()
            for pair in zip(frames, reference, strict=True)
        ]
    return Score(np.mean(curve), np.asarray(curve))


def vgg16() -> Trunk:
    """The convolutions of VGG16 (Simonyan and Zisserman 2015), after the ReLUs of each scale."""
    layers: list[nn.Module] = []
    channels = 3
    for width in VGG_WIDTHS:
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return Trunk(nn.Sequential(*layers), (3, 8, 15, 22, 29), (64, 128, 256, 512, 512), 16)


def alexnet() -> Trunk:
    """The convolutions of AlexNet (Krizhevsky 2014, one tower), after each ReLU."""
    layers = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip
    return Trunk(layers, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256), 31)


def unit(features: Tensor, eps: float = 1e-10) -> Tensor:
    """Features (b c h w) scaled to unit length across channels."""
    # Where all features are zero the root's slope is infinite: the gradient must still be finite.
    square = features.square().sum(1, keepdim=True)
    length = torch.where(square > 0, square, 1.0).sqrt() * (square > 0)
    return features / (length + eps)


def recognize(tensors: dict[str, Tensor], path: str | Path) -> Trunk:
    first = tensors.get("features.0.weight")
    kinds: dict[tuple[int, ...], Callable[[], Trunk]]
    kinds = {(64, 3, 3, 3): vgg16, (64, 3, 11, 11): alexnet}
    make = None if first is None else kinds.get(tuple(first.shape))
    if make is None:
        raise UserError(
            f"{path} is neither torchvision's VGG16 nor its AlexNet: its 'features.0.weight' is "
            f"{'missing' if first is None else tuple(first.shape)}."
        )
    return make()
