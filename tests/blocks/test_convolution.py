import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from kinema.blocks.convolution import (
    Conv3d,
    FrameConv,
    TimeConv,
    VideoConv,
    convolve,
    depth_to_space,
    space_to_depth,
)
from kinema.errors import UserError

small = settings(max_examples=15, deadline=None)
KERNELS = [(1, 1, 1), (1, 3, 3), (3, 1, 1), (4, 1, 1), (3, 3, 3), (2, 5, 1)]


def chunks_of(x: torch.Tensor, cuts: list[int]) -> list[torch.Tensor]:
    """Cut `x` along frames at the given places."""
    return [part for part in torch.tensor_split(x, sorted(cuts), dim=1) if part.shape[1]]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("width", [5, 9])  # few places, and many
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_way_is_torchs_convolution_forward_and_backward(kernel, width, batch):
    torch.manual_seed(0)
    x = torch.randn(batch, 6, 4, width, 3, dtype=torch.double, requires_grad=True)
    weight = torch.randn(7, 3, *kernel, dtype=torch.double, requires_grad=True)
    bias = torch.randn(7, dtype=torch.double, requires_grad=True)
    padding = (0, kernel[1] // 2, kernel[2] // 2)
    theirs = F.conv3d(x.permute(0, 4, 1, 2, 3), weight, bias, padding=padding)
    theirs, ours = theirs.permute(0, 2, 3, 4, 1), convolve(x, weight, bias)
    torch.testing.assert_close(ours, theirs)
    grad = torch.randn_like(ours)
    expected = torch.autograd.grad(theirs, (x, weight, bias), grad)
    torch.testing.assert_close(torch.autograd.grad(ours, (x, weight, bias), grad), expected)
    torch.testing.assert_close(convolve(x, weight), ours - bias)


@small
@given(kernel_frames=st.integers(1, 4), seed=st.integers(0, 99), frame=st.integers(1, 5))
def test_no_frame_sees_a_later_one(kernel_frames, seed, frame):
    torch.manual_seed(seed)
    conv = Conv3d(2, 3, (kernel_frames, 3, 3))
    x = torch.randn(1, 6, 4, 5, 2)
    changed = x.clone()
    changed[:, frame:] += 1
    before, after = conv(x), conv(changed)
    assert before.shape == (1, 6, 4, 5, 3)
    torch.testing.assert_close(before[:, :frame], after[:, :frame])
    assert not torch.allclose(before[:, frame:], after[:, frame:])


def test_the_first_frame_is_padded_against_itself():
    torch.manual_seed(0)
    conv, x = Conv3d(2, 3), torch.randn(1, 1, 4, 4, 2)
    torch.testing.assert_close(
        conv(x), convolve(x.expand(-1, 3, -1, -1, -1), conv.weight, conv.bias)
    )
    both = Conv3d(2, 3, causal=False)
    torch.testing.assert_close(
        both(x), convolve(x.expand(-1, 3, -1, -1, -1), both.weight, both.bias)
    )


@small
@given(
    cuts=st.lists(st.integers(1, 6), max_size=4),
    kernel_frames=st.integers(1, 4),
    repeat=st.booleans(),
)
def test_chunks_equal_the_whole(cuts, kernel_frames, repeat):
    torch.manual_seed(0)
    conv = Conv3d(2, 2, (kernel_frames, 1, 3), repeat=repeat)
    x = torch.randn(2, 7, 3, 3, 2)
    cache = {}
    streamed = torch.cat([conv(chunk, cache) for chunk in chunks_of(x, cuts)], dim=1)
    torch.testing.assert_close(streamed, conv(x))


def test_the_memory_of_a_stream_does_not_grow():
    conv, cache = Conv3d(1, 1), {}
    for _ in range(5):
        conv(torch.randn(1, 10, 2, 2, 1), cache)
    assert cache[conv].untyped_storage().nbytes() == 2 * 2 * 2 * 4


def test_time_conv_is_torchs_convolution():
    x = torch.randn(2, 5, 3, 4, 8)
    conv = TimeConv(8)
    weight = conv.taps.weight.view(8, 3, 8).permute(0, 2, 1)  # out, taps, in -> out, in, taps
    rows = x.permute(0, 2, 3, 4, 1).flatten(0, 2)
    theirs = torch.nn.functional.conv1d(rows, weight, padding=1)
    ours = conv(x).permute(0, 2, 3, 4, 1).flatten(0, 2)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_only_a_causal_time_conv_streams():
    x, cache = torch.randn(1, 6, 2, 2, 8), {}
    conv = TimeConv(8, causal=True, kernel=4)
    parts = [conv(part, cache) for part in x.split([1, 3, 2], dim=1)]
    torch.testing.assert_close(torch.cat(parts, 1), conv(x))
    with pytest.raises(UserError, match="causal"):
        TimeConv(8)(x, {})


def test_frame_conv_keeps_frames_apart():
    x = torch.randn(1, 3, 4, 4, 8)
    changed = x.clone()
    changed[:, 1] += 1
    conv = FrameConv(8, 16, stride=2)
    before, after = conv(x), conv(changed)
    assert before.shape == (1, 3, 2, 2, 16)
    torch.testing.assert_close(before[:, [0, 2]], after[:, [0, 2]])


@pytest.mark.parametrize("causal", [False, True])
def test_a_video_conv_is_torchs_and_sees_what_it_may(causal):
    conv, x = VideoConv(4, 6, causal), torch.randn(2, 5, 3, 3, 4)
    padded = torch.nn.functional.pad(x, (0, 0, 1, 1, 1, 1, *((2, 0) if causal else (1, 1))))
    theirs = torch.nn.functional.conv3d(
        padded.permute(0, 4, 1, 2, 3).contiguous(), conv.conv.weight, conv.conv.bias
    )
    torch.testing.assert_close(conv(x), theirs.permute(0, 2, 3, 4, 1), rtol=1e-4, atol=1e-5)


def test_a_causal_video_conv_streams_and_another_refuses():
    conv, x, cache = VideoConv(4, 6, causal=True), torch.randn(1, 5, 3, 3, 4), {}
    parts = [conv(x[:, i : i + 1], cache) for i in range(5)]
    torch.testing.assert_close(torch.cat(parts, 1), conv(x), rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="cannot stream: make it causal"):
        VideoConv(4, 6)(x, {})


@pytest.mark.parametrize("factors", [(1, 2, 2), (4, 2, 1), (1, 1, 1)])
def test_depth_and_space_are_inverse(factors):
    x = torch.randn(2, 4, 6, 2, 3)
    deep = space_to_depth(x, factors)
    r, p, q = factors
    assert deep.shape == (2, 4 // r, 6 // p, 2 // q, 3 * r * p * q)
    assert torch.equal(depth_to_space(deep, factors), x)
    assert torch.equal(deep[0, 0, 0, 0], x[0, :r, :p, :q].flatten())
