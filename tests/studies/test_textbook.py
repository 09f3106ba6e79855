import pytest
import torch

from kinema.diffusion import PATHS
from kinema.errors import UserError
from studies.textbook import (
    DiTBlock,
    SpatiotemporalBlock,
    TemporalAttention,
    VideoUNet3D,
    video_diffusion_loss,
)


def randomized(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return module


@torch.no_grad()
def test_temporal_attention_in_both_layouts():
    video = torch.randn(2 * 5, 16, 3, 4)
    block = TemporalAttention(dim=16, n_heads=4)
    assert torch.equal(block(video, num_frames=5), video)  # a new one is the identity
    randomized(block)
    features_last = video.unflatten(0, (2, 5)).permute(0, 1, 3, 4, 2)
    out = block(features_last).permute(0, 1, 4, 2, 3).flatten(0, 1)
    torch.testing.assert_close(block(video, num_frames=5), out)
    torch.testing.assert_close(block(video[:5], num_frames=5), out[:5])  # a clip alone
    assert TemporalAttention(16, num_heads=2).mixer.attention.num_heads == 2
    with pytest.raises(UserError, match="whole clips of 4"):
        block(video, num_frames=4)


@torch.no_grad()
def test_a_spatiotemporal_block_sees_space_time_and_the_time_embedding():
    x, t_emb = torch.randn(2, 3, 4, 4, 16), torch.randn(2, 16)
    block = SpatiotemporalBlock(16, spatial_heads=2, temporal_heads=2)
    assert torch.equal(block(x), x) and torch.equal(block(x, t_emb), x)
    randomized(block)
    assert not torch.allclose(block(x, t_emb), block(x))
    changed = x.clone()
    changed[:, 0, 0, 0] = torch.randn(16)
    moved = (block(changed) - block(x)).abs().amax((0, 4)) > 1e-6
    assert moved[0].all() and moved[1:, 0, 0].all()  # its frame, and its place in all others


@torch.no_grad()
def test_a_dit_block_keeps_the_rows_of_a_batch_apart():
    x, t_emb = torch.randn(3, 7, 16), torch.randn(3, 16)
    block = DiTBlock(16, num_heads=2)
    assert torch.equal(block(x, t_emb), x)
    randomized(block)
    out = block(x, t_emb)
    torch.testing.assert_close(block(x[1:2], t_emb[1:2]), out[1:2])
    assert not torch.allclose(block(x, t_emb + 1), out)


@torch.no_grad()
def test_the_video_unet_sees_time_and_text():
    network = randomized(VideoUNet3D(in_channels=4, model_channels=32, num_frames=4, context_dim=8))
    x, t, context = torch.randn(1, 4, 4, 8, 8), torch.full((1,), 0.5), torch.randn(1, 3, 8)
    out = network(x, t, context)
    assert out.shape == x.shape
    assert not torch.allclose(network(x, t / 2, context), out)
    assert not torch.allclose(network(x, t, context + 1), out)


@torch.no_grad()
def test_the_video_unet_comes_back_from_its_folder(tmp_path):
    network = randomized(VideoUNet3D(in_channels=4, model_channels=32, context_dim=8))
    network.save_pretrained(tmp_path)
    x, t, context = torch.randn(1, 4, 2, 8, 8), torch.full((1,), 0.5), torch.randn(1, 3, 8)
    again = VideoUNet3D.from_pretrained(tmp_path)
    assert torch.equal(again(x, t, context), network(x, t, context))


def test_the_loss_is_the_error_of_the_noise():
    video, text = torch.randn(2, 4, 3, 8, 8), torch.randn(2, 5, 8)
    seen = {}

    def model(x, t, conditions):
        seen.update(x=x, t=t, text=conditions.text.tokens)
        return torch.zeros_like(x)

    path = PATHS["cosine"]
    torch.manual_seed(1)
    value = video_diffusion_loss(model, video, text, path)
    level = seen["t"][:, None, :, None, None]
    noise = (seen["x"] - path.alpha(level) * video) / path.sigma(level)
    torch.testing.assert_close(value, noise.square().mean(), rtol=1e-3, atol=1e-4)
    assert torch.equal(seen["text"], text) and (seen["t"] == seen["t"][:, :1]).all()
