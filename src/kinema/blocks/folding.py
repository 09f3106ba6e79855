"""Blocks of pixels become features, and back: nothing is lost, and nothing is computed."""

from einops import rearrange
from torch import Tensor


def space_to_depth(x: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """Move blocks of (frames, height, width) pixels into the features.

    b (f r) (h p) (w q) d -> b f h w (r p q d). The sizes must be multiples of the factors.
    """
    r, p, q = factors
    return rearrange(x, "b (f r) (h p) (w q) d -> b f h w (r p q d)", r=r, p=p, q=q)


def depth_to_space(x: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """The inverse of `space_to_depth`: b f h w (r p q d) -> b (f r) (h p) (w q) d."""
    r, p, q = factors
    return rearrange(x, "b f h w (r p q d) -> b (f r) (h p) (w q) d", r=r, p=p, q=q)
