import pytest
import torch
from diffusers.models.embeddings import SinusoidalPositionalEmbedding

from kinema.blocks.motion_module import MotionModule, sinusoidal_positions
from kinema.errors import UserError


def test_positions_are_those_of_diffusers():
    theirs = SinusoidalPositionalEmbedding(12, max_seq_length=9).pe[0]
    torch.testing.assert_close(sinusoidal_positions(9, 12), theirs)


def test_a_longer_clip_is_refused():
    module = MotionModule(8, num_heads=2, num_layers=1, max_frames=4, num_groups=2)
    assert module(torch.randn(1, 4, 2, 2, 8)).shape == (1, 4, 2, 2, 8)
    with pytest.raises(UserError, match="at most 4 frames"):
        module(torch.randn(1, 5, 2, 2, 8))


def test_heads_and_groups_must_divide():
    with pytest.raises(UserError, match="num_groups is 3"):
        MotionModule(8, num_heads=2, num_layers=1, max_frames=4, num_groups=3)
