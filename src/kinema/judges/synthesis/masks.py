"""What the empty stage does not explain: pixels of objects, sorted by color.

A shadow leaves the table its color and takes light away, so a pixel that is the empty stage times
a factor of at most one is the stage. What differs from that shows an object; its hue says which.
Axes: f frames, h w picture, k objects.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kinema.worlds.tabletop.attributes import COLORS

DARKEST = 0.35  # factor of a full shadow, as seen
VISIBLE = 0.06  # difference from the stage, of the range of a channel, that shows an object
FULL = 0.14  # difference at which a pixel shows nothing but the object
LEAST_AREA = 0.004  # of the picture that an object covers in some frame
WELL_SEEN = 0.25  # share of its usual area that places an object
LEAST_VOTES = 0.08  # of all colored pixels that have an object's color


@dataclass
class Seen:
    """Where one color is seen that is not the stage's."""

    color: str
    mask: Tensor  # (f h w) in [0, 1], how much of a pixel

    @property
    def area(self) -> Tensor:
        """Pixels (f,) of every frame."""
        return self.mask.sum((1, 2))

    @property
    def known(self) -> Tensor:
        """Whether enough of it is seen (f,) to say where it is."""
        return self.area > WELL_SEEN * self.area.quantile(0.8)

    def middle(self) -> tuple[Tensor, Tensor]:
        """Rows and columns (f,) of the middle; NaN where nothing is seen."""
        h, w = self.mask.shape[1:]
        rows, columns = torch.arange(h).float(), torch.arange(w).float()
        return (
            self.mask.sum(2) @ rows / self.area,
            self.mask.sum(1) @ columns / self.area,
        )


def unexplained(frames: Tensor, stage: Tensor) -> Tensor:
    """Compute how far pixels (f h w 3) are from the stage (f h w 3), lit or in shadow: (f h w)."""
    factor = (frames * stage).sum(-1) / stage.square().sum(-1).clamp_min(1e-6)
    factor = factor.clamp(DARKEST, 1.02)[..., None]
    return (frames - factor * stage).square().sum(-1).sqrt()


def hues(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Split linear colors into a unit direction (... 3) without white, and its length (...)."""
    light = frames.square()
    light = light - light.amin(-1, keepdim=True)
    length = light.square().sum(-1).sqrt()
    return light / length.clamp_min(1e-6)[..., None], length


def palette() -> Tensor:
    """The unit directions (8 3) of the world's colors."""
    return hues(torch.tensor(list(COLORS.values())))[0]


def objects_in(frames: Tensor, stage: Tensor, at_most: int = 2) -> list[Seen]:
    """Find colored objects in frames (f h w 3) before an empty stage, both in [0, 1]."""
    apart = unexplained(frames, stage)
    cover = ((apart - VISIBLE) / (FULL - VISIBLE)).clamp(0.0, 1.0)
    inside = (-F.max_pool2d(-(apart > VISIBLE).float()[:, None], 3, 1, 1))[:, 0]
    direction, length = hues(frames)
    likeness = direction @ palette().T  # (f h w 8)
    weight = inside * length * (length > 0.08) * (likeness.amax(-1) > 0.93)
    votes = torch.zeros(len(COLORS)).index_add_(0, likeness.argmax(-1).flatten(), weight.flatten())
    area = torch.zeros(len(COLORS), len(frames))
    for i in range(len(COLORS)):
        area[i] = ((weight > 0) & (likeness.argmax(-1) == i)).sum((1, 2))
    large = area.amax(1) > LEAST_AREA * frames.shape[1] * frames.shape[2]
    votes = votes * large
    order = votes.argsort(descending=True)[:at_most].tolist()
    chosen = [i for i in order if votes[i] > LEAST_VOTES * votes.sum() and votes[i] > 0]
    if not chosen:
        return []
    sure = (likeness[..., chosen].clamp_min(0.0) ** 8 * (length * cover)[..., None]).movedim(-1, 1)
    near = F.avg_pool2d(sure, 5, 1, 2) + sure
    label = near.argmax(1)
    known = near.amax(1) > 1e-3
    names = list(COLORS)
    return [Seen(names[c], cover * ((label == n) & known)) for n, c in enumerate(chosen)]
