"""The best linear codec of a block: the lowest cosines, or the principal components of clips.

Of all linear codecs with as many numbers, principal components lose the least squared error on
the clips that they were fitted to (Eckart and Young 1936).
"""

from collections.abc import Iterable
from math import prod

import torch
from torch import Tensor, nn

from kinema.blocks.folding import depth_to_space, space_to_depth
from kinema.codecs.cosine import cosine_basis
from kinema.errors import UserError

LARGEST_BLOCK = 4_096  # values: the covariance of larger blocks takes gigabytes


class LinearCodec(nn.Module):
    """Blocks of pixels <-> coordinates in an orthonormal basis, scaled to about 1.

    Args:
        factors: frames, rows and columns of a block.
        channels: how many coordinates.
        fitted: whether `fit` will be called: the basis is then part of the weights.
    """

    def __init__(self, factors: tuple[int, int, int], channels: int, fitted: bool = False):
        super().__init__()
        self.factors = factors
        basis = cosine_basis(factors, channels)  # c (r p q 3)
        scale = torch.full((channels,), 0.5 * prod(factors) ** 0.5)
        self.register_buffer("basis", basis, persistent=fitted)
        self.register_buffer("scale", scale, persistent=fitted)

    def encode(self, blocks: Tensor) -> Tensor:
        """b (f r) (h p) (w q) 3 -> b f h w c, in fp32 always."""
        x = space_to_depth(blocks, self.factors).float()  # b f h w (r p q 3)
        with torch.autocast(x.device.type, enabled=False):
            return x @ self.basis.float().t() / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """b f h w c -> b (f r) (h p) (w q) 3: the nearest blocks with these coordinates."""
        with torch.autocast(latents.device.type, enabled=False):
            x = (latents.float() * self.scale) @ self.basis.float()
        return depth_to_space(x, self.factors)

    @torch.no_grad()
    def fit(self, clips: Iterable[Tensor]) -> None:
        """Take the principal components of clips, each scaled by its standard deviation.

        Args:
            clips: batches of whole blocks, b (f r) (h p) (w q) 3.

        Raises:
            UserError: if there are none.
        """
        count, moments = 0, torch.zeros(self.basis.shape[1], self.basis.shape[1]).to(self.basis)
        for blocks in clips:
            x = space_to_depth(blocks, self.factors).flatten(0, -2).float()
            count, moments = count + len(x), moments + x.t() @ x
        if not count:
            raise UserError("A linear codec was given no clips to fit: give at least one batch.")
        energies, directions = torch.linalg.eigh((moments / count).double())  # ascending
        channels = len(self.basis)
        self.basis.copy_(directions[:, -channels:].flip(1).t())
        self.scale.copy_(energies[-channels:].flip(0).clamp_min(1e-8).sqrt())
