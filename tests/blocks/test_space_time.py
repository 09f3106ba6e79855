import pytest
import torch

from kinema.blocks.space_time import FrameConv, SpaceTimeBlock, TimeConv, VideoConv
from kinema.errors import UserError


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
def test_a_new_block_is_the_identity_and_a_causal_one_never_sees_the_future(causal):
    block = SpaceTimeBlock(8, 6, causal)
    x, vector = torch.randn(1, 4, 3, 3, 8), torch.randn(1, 4, 6)
    assert torch.equal(block(x, vector), x)
    torch.nn.init.normal_(block.modulation.weight)
    changed = x.clone()
    changed[:, 2:] = torch.randn(1, 2, 3, 3, 8)
    moved = (block(changed, vector) - block(x, vector)).abs().amax((0, 2, 3, 4)) > 1e-6
    assert moved.tolist() == [False, not causal, True, True]


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
