"""RAFT: recurrent all-pairs field transforms for optical flow (Teed and Deng 2020).

1. Both pictures become features at an eighth of the size; the inner products of all pairs of
   positions are a volume of correlations, averaged to four levels (section 3.2).
2. A recurrent unit, told by a third encoder what the first picture shows, looks into the volume
   around where the flow leads now, and corrects the flow, twelve times (section 3.3).
3. The flow is enlarged by eight: each pixel a learned convex mix of nine coarse neighbors.

Names are those of the authors' checkpoints (`raft-things.pth`, `raft-sintel.pth` ...); the file of
torchvision's `raft_large` is renamed on the way. Weights come from a file that the user names.
Axes: b batch, c channels, h height, w width, y and x an eighth of them, d features.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.motion.frames import on_frames
from kinema.storage.weights import load_weights, read_weights

NUM_LEVELS, RADIUS = 4, 4  # of the correlation volume, and of the look into it
DIM = 128  # of the recurrent state, and of the context
SMALLEST_SIDE = 128  # below this the coarsest level of the volume is a single position

# torchvision's names -> the authors' (torchvision.models.optical_flow.raft_large)
RENAMED = {
    r"^feature_encoder\.": "fnet.",
    r"^context_encoder\.": "cnet.",
    r"net\.conv\.": "net.conv2.",
    r"net\.convnormrelu\.0\.": "net.conv1.",
    r"net\.convnormrelu\.1\.": "net.norm1.",
    r"\.convnormrelu(\d)\.0\.": r".conv\1.",
    r"\.convnormrelu(\d)\.1\.": r".norm\1.",
    r"^update_block\.motion_encoder\.convcorr(\d)\.0": r"update_block.encoder.convc\1",
    r"^update_block\.motion_encoder\.convflow(\d)\.0": r"update_block.encoder.convf\1",
    r"^update_block\.motion_encoder\.conv\.0": "update_block.encoder.conv",
    r"^update_block\.recurrent_block\.convgru(\d)\.conv([zrq])": r"update_block.gru.conv\2\1",
    r"^mask_predictor\.convrelu\.0": "update_block.mask.0",
    r"^mask_predictor\.conv\.": "update_block.mask.2.",
}


@dataclass(frozen=True)
class RAFTFlow:
    """RAFT as a flow method: called with two uint8 frames."""

    weights: str  # the file
    num_updates: int = 12  # corrections of the flow; the paper uses 12 to 32
    short_side: int | None = None  # working size; None keeps the frames' own, if at least 128
    device: str = "cpu"  # "cpu" or "cuda"

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Flow (h w 2) from frame a to frame b, both uint8 (h w 3).

        Raises:
            UserError: if the weights are missing or foreign.
        """
        network = loaded(self.weights, self.device)
        side = self.short_side or max(min(a.shape[:2]), SMALLEST_SIDE)
        return on_frames(lambda x, y: network(x, y, self.num_updates)[-1], a, b, side, self.device)


class RAFT(nn.Module):
    """raft(a, b) -> the flow after each update; the last is the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = Encoder(256, nn.InstanceNorm2d)
        self.cnet = Encoder(2 * DIM, nn.BatchNorm2d)
        self.update_block = Update()

    @classmethod
    def from_file(cls, path: str | Path) -> RAFT:
        """Load the authors' or torchvision's weights."""
        network = cls()
        load_weights(network, as_published(read_weights(path)), path)
        return network.eval()

    def forward(self, a: Tensor, b: Tensor, num_updates: int = 12) -> list[Tensor]:
        """Flow from a to b, b 3 h w in [-1, 1], each side at least 128 pixels.

        Returns:
            num_updates flows, b 2 h w, pixels, (x, y).
        """
        h, w = a.shape[-2:]
        (a, b), (top, left) = padded(a, b)
        one, other = self.fnet(torch.cat([a, b])).chunk(2)  # b d y x
        state, context = self.cnet(a).split(DIM, dim=1)
        state, context = state.tanh(), context.relu()
        volume = correlations(one, other)
        here = positions(one)
        there, flows = here, []
        for _ in range(num_updates):
            there = there.detach()
            seen = look(volume, there)  # b (levels * window) y x
            state, change, mask = self.update_block(state, context, seen, there - here)
            there = there + change
            fine = enlarge(there - here, mask)  # b 2 8y 8x
            flows.append(fine[..., top : top + h, left : left + w])
        return flows


class Encoder(nn.Module):
    """b 3 h w -> b out h/8 w/8: a convolution and six residual blocks."""

    def __init__(self, out: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 64, 7, stride=2, padding=3), norm(64)
        self.layer1 = nn.Sequential(Residual(64, 64, norm), Residual(64, 64, norm))
        self.layer2 = nn.Sequential(Residual(64, 96, norm, stride=2), Residual(96, 96, norm))
        self.layer3 = nn.Sequential(Residual(96, 128, norm, stride=2), Residual(128, 128, norm))
        self.conv2 = nn.Conv2d(128, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.conv1(x)).relu()
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class Residual(nn.Module):
    """Two convolutions beside the identity, or beside a 1 x 1 convolution where the size halves."""

    def __init__(self, width: int, out: int, norm: type[nn.Module], stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.norm1, self.norm2 = norm(out), norm(out)
        self.downsample = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(nn.Conv2d(width, out, 1, stride=stride), norm(out))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(x)).relu()
        y = self.norm2(self.conv2(y)).relu()
        return (self.downsample(x) + y).relu()


class Update(nn.Module):
    """What was seen and the flow so far -> the next state, the correction, the upsampling mask."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = SeparableGRU(DIM, 2 * DIM)
        self.flow_head = nn.Sequential()
        self.flow_head.add_module("conv1", nn.Conv2d(DIM, 256, 3, padding=1))
        self.flow_head.add_module("relu", nn.ReLU())
        self.flow_head.add_module("conv2", nn.Conv2d(256, 2, 3, padding=1))
        self.mask = nn.Sequential(
            nn.Conv2d(DIM, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 64 * 9, 1)
        )

    def forward(
        self, state: Tensor, context: Tensor, seen: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        state = self.gru(state, torch.cat([context, self.encoder(flow, seen)], dim=1))
        return state, self.flow_head(state), 0.25 * self.mask(state)


class MotionEncoder(nn.Module):
    """The flow and what was seen around it -> 128 features, the flow itself among them."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(NUM_LEVELS * (2 * RADIUS + 1) ** 2, 256, 1)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(192 + 64, DIM - 2, 3, padding=1)

    def forward(self, flow: Tensor, seen: Tensor) -> Tensor:
        seen = self.convc2(self.convc1(seen).relu()).relu()
        moved = self.convf2(self.convf1(flow).relu()).relu()
        both = self.conv(torch.cat([seen, moved], dim=1)).relu()
        return torch.cat([both, flow], dim=1)


class SeparableGRU(nn.Module):
    """A gated recurrent unit of 1 x 5, then 5 x 1 convolutions (equations 4 to 7)."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        for gate in "zrq":
            across = nn.Conv2d(dim + width, dim, (1, 5), padding=(0, 2))
            down = nn.Conv2d(dim + width, dim, (5, 1), padding=(2, 0))
            self.add_module(f"conv{gate}1", across)
            self.add_module(f"conv{gate}2", down)

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        for z, r, q in (
            (self.convz1, self.convr1, self.convq1),
            (self.convz2, self.convr2, self.convq2),
        ):
            both = torch.cat([state, x], dim=1)
            keep, reset = 1 - z(both).sigmoid(), r(both).sigmoid()
            new = q(torch.cat([reset * state, x], dim=1)).tanh()
            state = keep * state + (1 - keep) * new
        return state


def correlations(one: Tensor, other: Tensor) -> list[Tensor]:
    """Multiply all positions of two feature maps (b d y x), by 1 / sqrt(d).

    Returns:
        (b y x) 1 y' x' at full, half, quarter and eighth resolution of the second map.
    """
    d, _, x = one.shape[1:]
    products = torch.einsum("bdp,bdq->bpq", one.flatten(2), other.flatten(2)) / d**0.5
    levels = [rearrange(products, "b p (y x) -> (b p) 1 y x", x=x)]
    while len(levels) < NUM_LEVELS:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def look(volume: list[Tensor], there: Tensor) -> Tensor:
    """Read 9 x 9 correlations around positions (b 2 y x) on every level, bilinearly; 0 outside.

    Returns:
        b (level dx dy) y x: the window's x runs slower than its y, as the weights expect.
    """
    y, x = there.shape[-2:]
    steps = torch.arange(-RADIUS, RADIUS + 1, device=there.device, dtype=there.dtype)
    around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)  # dx dy 2
    center = rearrange(there, "b c y x -> (b y x) 1 1 c")
    seen = []
    for level, products in enumerate(volume):
        scale = there.new_tensor([products.shape[-1] - 1, products.shape[-2] - 1])
        grid = 2 * (center / 2**level + around) / scale - 1
        window = F.grid_sample(products, grid, align_corners=True)
        seen.append(rearrange(window, "(b y x) 1 i j -> b (i j) y x", y=y, x=x))
    return torch.cat(seen, dim=1)


def enlarge(flow: Tensor, mask: Tensor) -> Tensor:
    """Enlarge the flow (b 2 y x) eight times, each pixel a convex mix of 3 x 3 coarse neighbors.

    mask: b (9 8 8) y x, weights before the softmax over 9.
    """
    x = flow.shape[-1]
    weights = rearrange(mask, "b (k i j) y x -> b k i j y x", k=9, i=8).softmax(1)
    near = rearrange(F.unfold(8 * flow, 3, padding=1), "b (c k) (y x) -> b c k y x", k=9, x=x)
    mixed = torch.einsum("bkijyx,bckyx->bcyixj", weights, near)
    return rearrange(mixed, "b c y i x j -> b c (y i) (x j)")


def positions(features: Tensor) -> Tensor:
    """The position of every place of a map, b 2 y x, (x, y)."""
    b, _, y, x = features.shape
    rows, columns = (torch.arange(n, device=features.device) for n in (y, x))
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy")).to(features.dtype)
    return grid.expand(b, 2, y, x)


def padded(a: Tensor, b: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    """Pad both pictures to sides that divide by 8, the border repeated evenly on both sides."""
    down, across = (-side % 8 for side in a.shape[-2:])
    top, left = down // 2, across // 2
    edges = (left, across - left, top, down - top)
    return (F.pad(a, edges, "replicate"), F.pad(b, edges, "replicate")), (top, left)


def as_published(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Collect the weights under the authors' names, each once."""
    renamed = {}
    for name, tensor in tensors.items():
        for pattern, new in RENAMED.items():
            name = re.sub(pattern, new, name)
        renamed[name] = tensor
    # The authors' files hold the norm of a downsampling twice, under both of its names.
    return {name: tensor for name, tensor in renamed.items() if ".norm3." not in name}


@lru_cache(maxsize=2)
def loaded(path: str, device: str) -> RAFT:
    return RAFT.from_file(path).to(device)
