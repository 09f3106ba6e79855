import pytest
import torch
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

from kinema.blocks.motion_module import MotionModule, sinusoidal_positions
from kinema.errors import UserError
from kinema.interop.motion_adapters import RENAMED


def test_positions_are_those_of_diffusers():
    theirs = SinusoidalPositionalEmbedding(12, max_seq_length=9).pe[0]
    torch.testing.assert_close(sinusoidal_positions(9, 12), theirs)


@torch.no_grad()
def test_it_is_the_module_of_diffusers():
    torch.manual_seed(0)
    theirs = AnimateDiffTransformer3D(
        num_attention_heads=2, attention_head_dim=4, in_channels=8, norm_num_groups=2,
        num_layers=2, activation_fn="geglu", positional_embeddings="sinusoidal",
        num_positional_embeddings=6,
    ).eval()  # fmt: skip
    for weight in theirs.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    ours, weights = MotionModule(8, 2, num_layers=2, max_frames=6, num_groups=2), {}
    for name, weight in theirs.state_dict().items():
        for old, new in RENAMED.items():
            name = name.replace(old, new)
        if not name.endswith("pos_embed.pe"):
            weights[name] = weight
    ours.load_state_dict(weights)
    x = torch.randn(2, 5, 3, 4, 8)
    images = x.permute(0, 1, 4, 2, 3).flatten(0, 1)  # (b f) d h w
    expected = theirs(images, num_frames=5).unflatten(0, (2, 5)).permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-4)


def test_a_longer_clip_is_refused():
    module = MotionModule(8, num_heads=2, num_layers=1, max_frames=4, num_groups=2)
    assert module(torch.randn(1, 4, 2, 2, 8)).shape == (1, 4, 2, 2, 8)
    with pytest.raises(UserError, match="at most 4 frames"):
        module(torch.randn(1, 5, 2, 2, 8))


def test_heads_and_groups_must_divide():
    with pytest.raises(UserError, match="num_groups is 3"):
        MotionModule(8, num_heads=2, num_layers=1, max_frames=4, num_groups=3)
