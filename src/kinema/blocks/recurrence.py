"""A gated linear recurrence along time: a state at each place, carried from frame to frame.

    h_i = a_i h_{i-1} + (1 - a_i) z_i,   a = sigmoid(A x),  z = Z x

(minGRU, Feng et al. 2024, equation 3; without the gates of a GRU that look at h, so the state is
linear in its past.) It sees the whole past at the cost of one frame, and streams with one state.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.blocks.normalization import RMSNorm

# The forget gate starts at sigmoid(2) = 0.88: a memory of about eight frames.
INITIAL_BIAS = 2.0


class GatedRecurrence(nn.Module):
    """x + out(state * silu(G x)), with the state of the recurrence above.

    Args:
        dim: features.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.forget = nn.Linear(dim, dim)
        self.write_and_read = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        nn.init.constant_(self.forget.bias, INITIAL_BIAS)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, it continues the frames before."""
        y = self.norm(x)
        keep = torch.sigmoid(self.forget(y))
        written, gate = self.write_and_read(y).chunk(2, dim=-1)
        state = cache.get(self) if cache is not None else None
        states = []
        for a, z in zip(keep.unbind(1), written.unbind(1), strict=True):  # b h w d
            state = (1 - a) * z if state is None else torch.lerp(z, state, a)
            states.append(state)
        if cache is not None:
            cache[self] = state
        return x + self.out(torch.stack(states, dim=1) * F.silu(gate))
