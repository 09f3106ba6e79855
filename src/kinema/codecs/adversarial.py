"""A game that makes coded clips sharp: discriminators tell them from true ones, patch by patch.

One discriminator sees single frames, the other space and time, so that texture must not boil
(VQGAN, Esser et al. 2021, arXiv 2012.09841, section 3.1, for the delayed start and the weight that
adapts itself; hinge loss; the penalty on how steep a discriminator is around true clips, R1, is
taken by finite differences as in Lin et al. 2025, Seaweed-APT, arXiv 2501.08316).

Codec and discriminators take their steps at the same time, from one backward pass: what a part of
the game must not move it sees detached.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.func import functional_call

from kinema.blocks.convolution import Conv3d, space_to_depth
from kinema.codecs.stages import pixel_norm
from kinema.fields import Count, Weight, Whole

PATCH = 4  # pixels a side that have a verdict of their own
NEARBY = 0.01  # how far from a true clip its steepness is measured
LOUDEST = 1e4  # what the adaptive weight is clamped to, as in VQGAN


@dataclass(frozen=True)
class AdversarialLoss:
    """The game against discriminators; both weights 0 leave it out."""

    spatial: Weight = 0.0  # weight of the discriminator of single frames
    temporal: Weight = 0.0  # weight of the discriminator of space and time
    start: Whole = 10_000  # clips after which it begins: before, everything coded is easily told
    steepness: Weight = 100.0  # weight of the penalty on discriminators
    dim: Count = 64  # their features
    depth: Count = 3  # their residual blocks

    def discriminators(self) -> nn.ModuleDict:
        """Those of positive weight, under the names of their weights."""
        frames = {"spatial": 1, "temporal": 3}
        return nn.ModuleDict(
            {
                name: PatchDiscriminator(self.dim, self.depth, seen)
                for name, seen in frames.items()
                if getattr(self, name)
            }
        )


class DiscriminatorBlock(nn.Module):
    """x + conv in time(leaky relu(conv in space(norm(x))))."""

    def __init__(self, dim: int, frames: int):
        super().__init__()
        self.conv_in = Conv3d(dim, dim, kernel=(1, 3, 3))
        self.conv_out = Conv3d(dim, dim, kernel=(frames, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_out(F.leaky_relu(self.conv_in(pixel_norm(x)), 0.2))


class PatchDiscriminator(nn.Module):
    """True or coded? A verdict for every patch of 4 x 4 pixels of every frame, above 0 for true.

    Each of `depth` residual blocks widens what a verdict sees by a patch to every side. A
    convolution sees so many frames in time: 1 judges frames, 3 their order too.
    """

    def __init__(self, dim: int = 64, depth: int = 3, frames: int = 3):
        super().__init__()
        self.fold_in = Conv3d(3 * PATCH**2, dim, kernel=(1, 1, 1))
        self.blocks = nn.ModuleList(DiscriminatorBlock(dim, frames) for _ in range(depth))
        self.verdict = Conv3d(dim, 1, kernel=(1, 1, 1))

    def forward(self, frames: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b 1 f h/4 w/4; what is left over of a patch is not looked at."""
        height, width = (side - side % PATCH for side in frames.shape[3:])
        x = rearrange(frames[..., :height, :width], "b c f h w -> b f h w c")
        x = self.fold_in(space_to_depth(x, (1, PATCH, PATCH)))  # b f h/4 w/4 d
        for block in self.blocks:
            x = block(x)
        return rearrange(self.verdict(pixel_norm(x)), "b f h w c -> b c f h w")


def discriminator_loss(
    discriminator: nn.Module, true: Tensor, coded: Tensor, steepness: float
) -> Tensor:
    """Hinge loss, and how much a verdict on a true clip changes nearby; a scalar."""
    near = true + NEARBY * torch.randn_like(true)
    clips = torch.cat([true, coded.detach(), near])
    on_true, on_coded, on_near = discriminator(clips).float().chunk(3)
    hinge = F.relu(1 - on_true).mean() + F.relu(1 + on_coded).mean()
    return hinge + steepness * (on_true - on_near).square().mean()


def deception(discriminator: nn.Module, coded: Tensor) -> Tensor:
    """The codec's side of the game, low where coded clips pass for true; a scalar.

    Its gradient reaches the codec and not the discriminator.
    """
    held = {name: p.detach() for name, p in discriminator.named_parameters()}
    return -functional_call(discriminator, held, (coded,)).float().mean()


def adversarial_loss(
    discriminators: nn.ModuleDict,
    true: Tensor,
    coded: Tensor,
    loss: Tensor,
    last_layer: Tensor,
    weights: AdversarialLoss,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Both sides of the game, to be added to the codec's loss, and its parts by name, detached.

    Args:
        discriminators: of `weights.discriminators()`.
        true: b 3 f h w.
        coded: b 3 f h w, with its graph.
        loss: the codec's own loss, a scalar with its graph.
        last_layer: the weights of the codec's last layer: the gradients there balance the game.
        weights: of the game.
    """
    total, parts = loss.new_zeros(()), {}
    for name, discriminator in discriminators.items():
        if name == "temporal" and true.shape[2] == 1:
            continue  # a picture has no motion to judge
        deceived = deception(discriminator, coded)
        balance = adaptive_weight(loss, deceived, last_layer)
        told = discriminator_loss(discriminator, true, coded, weights.steepness)
        total = total + getattr(weights, name) * balance * deceived + told
        parts[f"deception_{name}"] = deceived.detach()
        parts[f"discriminator_{name}"] = told.detach()
        parts[f"balance_{name}"] = balance
    return total, parts


def adaptive_weight(loss: Tensor, game: Tensor, last_layer: Tensor) -> Tensor:
    """What makes both gradients equally long at the last layer (VQGAN, Equation 7)."""
    own, other = (
        torch.autograd.grad(part, last_layer, retain_graph=True)[0].norm() for part in (loss, game)
    )
    return (own / (other + 1e-6)).clamp(0, LOUDEST).detach()
