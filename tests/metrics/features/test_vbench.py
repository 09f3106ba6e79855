import numpy as np
import pytest
import torch

from kinema.errors import UserError
from kinema.metrics.features.vbench import (
    CLIP_STATISTICS,
    DINO_STATISTICS,
    AestheticHead,
    appearance_style,
    clip_pixels,
    consistency,
    dino_pixels,
    vectors,
)

RNG = np.random.default_rng(0)


def bytes_of(pixels, statistics):
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in statistics)
    return ((pixels * std + mean) * 255).permute(0, 2, 3, 1).numpy()


def test_dino_sees_the_whole_picture_at_half_size():
    frame = RNG.integers(0, 256, (448, 640, 3), dtype=np.uint8)
    seen = bytes_of(dino_pixels([frame]), DINO_STATISTICS)
    whole = frame.astype(float)
    blocks = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4
    assert seen.shape == (1, 224, 320, 3)
    assert np.abs(seen[0] - blocks).max() <= 0.51  # bilinear halfway between pixels, then bytes


def test_clip_sees_the_middle_square_without_antialiasing():
    frame = np.repeat(RNG.integers(0, 256, (1, 672, 3), dtype=np.uint8), 448, axis=0)
    seen = bytes_of(clip_pixels([frame]), CLIP_STATISTICS)
    row = np.pad(frame[0].astype(float), ((1, 2), (0, 0)), mode="edge")
    taps = zip((-0.09375, 0.59375, 0.59375, -0.09375), range(4), strict=True)  # a = -0.75, halfway
    cubic = sum(weight * row[k : k + 672 : 2][:336] for weight, k in taps).clip(0, 255)
    assert seen.shape == (1, 224, 224, 3)
    assert np.abs(seen[0, 100] - cubic[56:280]).max() <= 0.51


def test_a_picture_of_the_right_size_stays():
    frame = RNG.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    for prepare, statistics in ((clip_pixels, CLIP_STATISTICS), (dino_pixels, DINO_STATISTICS)):
        assert np.abs(bytes_of(prepare([frame]), statistics)[0] - frame).max() < 1e-3


class Middle:
    """An encoder of the color in the middle."""

    def __init__(self, kind):
        self.kind = kind

    def embed(self, pixels):
        assert pixels.shape[-1] == (224 if self.kind == "clip" else 448)
        return pixels[:, :, 112, 112]


@pytest.mark.parametrize("kind", ["clip", "vit"])
def test_vectors_are_of_unit_length_whatever_the_batches(kind):
    frames = RNG.integers(0, 256, (35, 224, 448, 3), dtype=np.uint8)
    found = vectors(Middle(kind), iter(frames))
    assert found.shape == (35, 3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    np.testing.assert_allclose(found[17:18], vectors(Middle(kind), frames[17:18]), rtol=1e-6)


def test_consistency_counts_a_cosine_below_zero_as_zero():
    angles = np.deg2rad([0, 60, 180])
    images = np.stack([np.cos(angles), np.sin(angles)], -1)
    assert consistency(images) == pytest.approx(((0.5 + 0.5) / 2 + (0 + 0) / 2) / 2)
    assert appearance_style(images, np.array([1.0, 0.0])) == pytest.approx((1 + 0.5 - 1) / 3)


def test_the_aesthetic_head_is_linear(tmp_path):
    torch.save(
        {"weight": torch.tensor([[3.0, 4.0]]), "bias": torch.tensor([1.0])}, tmp_path / "h.pth"
    )
    head = AestheticHead(tmp_path / "h.pth")
    assert head(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx((4 + 5) / 2 / 10)
    with pytest.raises(UserError, match="vectors of 2 numbers, and the encoder gives 3"):
        head(np.zeros((1, 3)))
    torch.save({"weight": torch.zeros(2, 2), "bias": torch.zeros(2)}, tmp_path / "no.pth")
    with pytest.raises(UserError, match="not a linear head"):
        AestheticHead(tmp_path / "no.pth")
