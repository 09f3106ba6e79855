"""Ways to code a clip that need no training, each with a given number of values."""

from collections.abc import Callable
from math import prod, sqrt

import cv2
import numpy as np
import torch
from einops import einsum

from kinema import clips
from kinema.blocks.convolution import depth_to_space, space_to_depth
from kinema.codecs import Codec
from kinema.codecs.stages import cosine_basis, cosines

Coding = Callable[[np.ndarray, int], np.ndarray]
"""(clip uint8 (f h w 3), how many values it may keep) -> the clip as it comes back."""


def through(codec: Codec) -> Coding:
    """Return a codec as a coding, a clip at a time; it keeps as many values as its latents hold."""

    @torch.inference_mode()
    def coding(clip: np.ndarray, kept: int) -> np.ndarray:
        latents = codec.encode(clips.to_tensor(clip)[None])
        num_frames, height, width = clip.shape[:3]
        return clips.to_frames(codec.decode(latents, num_frames, (height, width))[0])

    return coding


def values_of(codec: Codec, clip: np.ndarray) -> int:
    """Return how many numbers the latents of a clip hold."""
    return prod(codec.latent_shape(*clip.shape[:3]))


def cosines_of_the_clip(clip: np.ndarray, kept: int) -> np.ndarray:
    """Keep the `kept` largest cosines of the whole clip.

    Their places are not counted: an upper bound for a transform codec without entropy coding.
    """
    x = torch.from_numpy(clip).double()
    time, down, across = (cosines(n).double() for n in clip.shape[:3])
    spectrum = einsum(x, time, down, across, "f h w c, i f, j h, k w -> i j k c")
    threshold = spectrum.abs().flatten().kthvalue(max(1, spectrum.numel() - kept + 1)).values
    spectrum[spectrum.abs() < threshold] = 0
    return to_bytes(einsum(spectrum, time, down, across, "i j k c, i f, j h, k w -> f h w c"))


def cosines_of_blocks(
    clip: np.ndarray, kept: int, block: tuple[int, int, int] = (4, 8, 8)
) -> np.ndarray:
    """Keep the lowest cosines of every 4 x 8 x 8 block, the same ones in each."""
    r, p, q = block
    f, h, w = clip.shape[:3]
    x = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].double() - 128
    padding = (0, -w % q, 0, -h % p, r - 1, -(f - 1) % r)
    x = torch.nn.functional.pad(x, padding, mode="replicate").movedim(1, -1)
    x = space_to_depth(x, block)  # b f h w (r p q 3)
    basis = cosine_basis(block, max(1, kept // x[0, ..., 0].numel())).double()
    x = depth_to_space(x @ basis.t() @ basis, block)
    return to_bytes(x[0, r - 1 : r - 1 + f, :h, :w] + 128)


def shrunk(clip: np.ndarray, kept: int, grow: int) -> np.ndarray:
    """Average every frame down to its share of the values and enlarge it again."""
    height, width = clip.shape[1:3]
    factor = sqrt(kept / clip.size)
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    down = (cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in clip)
    return np.stack([cv2.resize(frame, (width, height), interpolation=grow) for frame in down])


def to_bytes(frames: torch.Tensor) -> np.ndarray:
    return frames.round().clamp(0, 255).to(torch.uint8).numpy()


BLOCKS = "lowest cosines of 4x8x8 blocks"
BASELINES: dict[str, Coding] = {
    "largest cosines of the clip, places free": cosines_of_the_clip,
    BLOCKS: cosines_of_blocks,
    "frames shrunk, bilinear": lambda clip, kept: shrunk(clip, kept, cv2.INTER_LINEAR),
    "frames shrunk, nearest": lambda clip, kept: shrunk(clip, kept, cv2.INTER_NEAREST),
    "identity": lambda clip, kept: clip,
}
