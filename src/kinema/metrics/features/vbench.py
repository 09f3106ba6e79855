"""VBench's dimensions that look through networks (Huang et al. 2024).

    subject consistency     DINO ViT-B/16       mean cosine with the frame before and the first
    background consistency  CLIP ViT-B/32       the same
    aesthetic quality       CLIP ViT-L/14       a linear head on unit vectors, a tenth (LAION's)
    appearance style        CLIP ViT-B/32       mean cosine with the words of the style

Frames are resized without antialiasing to a shorter side of 224, as tensors of bytes; CLIP sees the
middle square, DINO all.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from kinema.errors import UserError
from kinema.metrics.features.embeddings import subject_consistency, text_alignment
from kinema.metrics.features.encoders import BATCH, DUAL, Encoder, unit_vectors
from kinema.storage.weights import read_weights

SIDE = 224
CLIP_STATISTICS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
DINO_STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def vectors(encoder: Encoder, frames: Iterable[np.ndarray]) -> np.ndarray:
    """Unit vectors (f d) of uint8 frames (h w 3), a few at a time."""
    stream = iter(frames)
    batches: Iterator[list[np.ndarray]] = iter(lambda: list(islice(stream, BATCH)), [])
    prepare = clip_pixels if encoder.kind in DUAL else dino_pixels
    return np.concatenate([unit_vectors(encoder.embed(prepare(batch))) for batch in batches])


def consistency(images: np.ndarray) -> float:
    """Subject consistency of a DINO's vectors (f d), background consistency of a CLIP's."""
    return float(subject_consistency(images))


def appearance_style(images: np.ndarray, style: np.ndarray) -> float:
    """Mean cosine of frames (f d) with the words of a style (d,), of one CLIP."""
    return float(text_alignment(images, style))


class AestheticHead:
    """LAION's linear head for CLIP's vectors, `sa_0_4_vit_l_14_linear.pth`.

    Raises:
        UserError: if the file holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        tensors = read_weights(path)
        if tensors.keys() != {"weight", "bias"} or tensors["weight"].shape[:-1] != (1,):
            raise UserError(f"{path} is not a linear head: it must hold a weight (1 d) and a bias.")
        self.weight, self.bias = (tensors[name].double().numpy()[0] for name in ("weight", "bias"))
        self.path = path

    def __call__(self, images: np.ndarray) -> float:
        """Aesthetic quality of unit vectors (f d), a tenth of the mean."""
        if images.shape[1:] != self.weight.shape:
            raise UserError(
                f"{self.path} is a head for vectors of {len(self.weight)} numbers, and the encoder "
                f"gives {images.shape[1]}: name the encoder that it was trained for."
            )
        return float((images @ self.weight + self.bias).mean() / 10)


def clip_pixels(frames: list[np.ndarray]) -> Tensor:
    """Prepare uint8 frames (h w 3) for CLIP: b 3 224 224."""
    pixels = resized(frames, "bicubic")
    top, left = (round((side - SIDE) / 2) for side in pixels.shape[-2:])
    return standardized(pixels[..., top : top + SIDE, left : left + SIDE], CLIP_STATISTICS)


def dino_pixels(frames: list[np.ndarray]) -> Tensor:
    """Prepare uint8 frames (h w 3) for DINO: b 3 h w with a shorter side of 224."""
    return standardized(resized(frames, "bilinear"), DINO_STATISTICS)


def resized(frames: list[np.ndarray], mode: str) -> Tensor:
    """Bytes as floats, b 3 h w; a longer side is cut to whole pixels."""
    pixels = rearrange(torch.from_numpy(np.stack(frames)), "b h w c -> b c h w").float()
    h, w = pixels.shape[-2:]
    size = [int(SIDE * side / min(h, w)) for side in (h, w)]
    return F.interpolate(pixels, size, mode=mode, align_corners=False).round().clamp(0, 255)


def standardized(pixels: Tensor, statistics: tuple[tuple[float, ...], ...]) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in statistics)
    return (pixels / 255 - mean) / std
