import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.codecs.equivariance import TRANSFORMS, equivariance, possible

# As it starts, with 3 channels, this codec keeps the mean colour of every block and nothing else.
MEANS = CausalVAE(CausalVAEConfig(3, (4, 4, 4), (8, 8), (0, 0), (0, 0))).requires_grad_(False)


def still_blocks(num_frames: int = 17) -> torch.Tensor:
    """Flat squares of 16 pixels, of random colours, that do not change."""
    colours = torch.rand(2, 3, 1, 2, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    large = colours.repeat_interleave(16, 3).repeat_interleave(16, 4)
    return large.expand(-1, -1, num_frames, -1, -1)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_means_of_flat_still_blocks_move_as_their_frames_do(name):
    frames = still_blocks()
    difference = equivariance(MEANS, MEANS.encode(frames), frames, name)
    assert difference.abs().max() < 1e-4


@pytest.mark.parametrize(
    "name, shape", [("scale", (17, 16, 24)), ("turn", (17, 48, 32)), ("speed", (9, 32, 48))]
)
def test_the_target_is_the_transformed_clip(name, shape):
    frames = still_blocks()
    latents = MEANS.encode(frames)
    assert TRANSFORMS[name](latents, frames, MEANS.factors)[1].shape == (2, 3, *shape)
    assert equivariance(MEANS, latents, frames, name).shape == (2, 3, *shape)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_latents_of_another_clip_are_found_out(name):
    frames = still_blocks()
    difference = equivariance(MEANS, MEANS.encode(frames.flip(4)), frames, name)
    assert difference.abs().max() > 0.1


@pytest.mark.parametrize("num_frames, size", [(7, (19, 30)), (12, (16, 9)), (10, (40, 25))])
def test_clips_that_fill_no_whole_blocks_are_transformed_too(num_frames, size):
    frames = torch.rand(1, 3, num_frames, *size) * 2 - 1
    latents = MEANS.encode(frames)
    for name in possible(MEANS, frames):
        assert equivariance(MEANS, latents, frames, name).numel() > 0


def test_every_second_frame_of_a_codec_frame_by_frame():
    codec = CausalVAE(CausalVAEConfig(3, (1, 4, 4), (8, 8), (0, 0), (0, 0)))
    latents, frames = torch.arange(6.0).view(1, 1, 6, 1, 1), torch.zeros(1, 3, 6, 8, 8)
    fast, target = TRANSFORMS["speed"](latents, frames, codec.factors)
    assert fast.flatten().tolist() == [0, 2, 4] and target.shape[2] == 3


def test_a_tiny_picture_can_only_be_left_alone():
    assert possible(MEANS, torch.zeros(1, 3, 1, 7, 7)) == []
    assert possible(MEANS, torch.zeros(1, 3, 1, 8, 8)) == ["turn"]
    assert possible(MEANS, still_blocks()) == list(TRANSFORMS)


def test_latents_that_are_not_square_are_not_turned():
    wide = CausalVAE(CausalVAEConfig(3, (1, 4, 8), (8,), (0,), (0,)))
    assert "turn" not in possible(wide, still_blocks())
    assert "turn" in possible(MEANS, still_blocks())
