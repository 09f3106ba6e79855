import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks.convolution import CausalConv3d, PixelNorm, depth_to_space, space_to_depth

small = settings(max_examples=15, deadline=None)


def chunks_of(x: torch.Tensor, cuts: list[int]) -> list[torch.Tensor]:
    """Cut `x` along frames at the given places."""
    return [part for part in torch.tensor_split(x, sorted(cuts), dim=2) if part.shape[2]]


@small
@given(kernel_frames=st.integers(1, 4), seed=st.integers(0, 99), frame=st.integers(1, 5))
def test_no_frame_sees_a_later_one(kernel_frames, seed, frame):
    torch.manual_seed(seed)
    conv = CausalConv3d(2, 3, (kernel_frames, 3, 3))
    x = torch.randn(1, 2, 6, 4, 5)
    changed = x.clone()
    changed[:, :, frame:] += 1
    before, after = conv(x), conv(changed)
    assert before.shape == (1, 3, 6, 4, 5)
    torch.testing.assert_close(before[:, :, :frame], after[:, :, :frame])
    assert not torch.allclose(before[:, :, frame:], after[:, :, frame:])


def test_the_first_frame_is_padded_against_itself():
    torch.manual_seed(0)
    conv = CausalConv3d(2, 3)
    x = torch.randn(1, 2, 1, 4, 4)
    inside = torch.nn.functional.conv3d(
        x.expand(-1, -1, 3, -1, -1), conv.weight, conv.bias, padding=(0, 1, 1)
    )
    torch.testing.assert_close(conv(x), inside)


@small
@given(cuts=st.lists(st.integers(1, 6), max_size=4), kernel_frames=st.integers(1, 4))
def test_chunks_equal_the_whole(cuts, kernel_frames):
    torch.manual_seed(0)
    conv = CausalConv3d(2, 2, (kernel_frames, 1, 3))
    x = torch.randn(2, 2, 7, 3, 3)
    cache = {}
    streamed = torch.cat([conv(chunk, cache) for chunk in chunks_of(x, cuts)], dim=2)
    torch.testing.assert_close(streamed, conv(x))


def test_the_memory_of_a_stream_does_not_grow():
    conv, cache = CausalConv3d(1, 1), {}
    for _ in range(5):
        conv(torch.randn(1, 1, 10, 2, 2), cache)
    assert cache[conv].untyped_storage().nbytes() == 2 * 2 * 2 * 4


def test_pixel_norm_gives_every_pixel_mean_0_and_variance_1():
    x = torch.randn(2, 16, 3, 4, 5) * 7 + 3
    y = PixelNorm()(x)
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 3, 4, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(1, unbiased=False), torch.ones(2, 3, 4, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(PixelNorm()(x[:, :, 1:2, 2:3]), y[:, :, 1:2, 2:3])


@pytest.mark.parametrize("factors", [(1, 2, 2), (4, 2, 1), (1, 1, 1)])
def test_depth_and_space_are_inverse(factors):
    x = torch.randn(2, 3, 4, 6, 2)
    deep = space_to_depth(x, factors)
    r, p, q = factors
    assert deep.shape == (2, 3 * r * p * q, 4 // r, 6 // p, 2 // q)
    assert torch.equal(depth_to_space(deep, factors), x)
    first_block = x[0, :, :r, :p, :q].permute(1, 2, 3, 0).flatten()
    assert torch.equal(deep[0, :, 0, 0, 0], first_block)
