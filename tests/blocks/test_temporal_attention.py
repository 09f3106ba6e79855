import torch

from kinema.blocks.attention import Full
from kinema.blocks.rotary import time_angles
from kinema.blocks.temporal_attention import TemporalAttention


@torch.no_grad()
def test_places_stay_apart_and_only_differences_of_time_count():
    torch.manual_seed(0)
    mixer = TemporalAttention(16, 2, Full())
    torch.nn.init.normal_(mixer.attention.out.weight)
    x = torch.randn(1, 4, 2, 2, 16)
    changed = x.clone()
    changed[:, 0, 0, 0] += 1
    moved = (mixer(changed) - mixer(x)).abs().amax((0, 4)) > 1e-6  # f h w
    assert moved[:, 0, 0].all() and moved.sum() == 4
    backward = mixer(x.flip(1)).flip(1)  # a clip played backward is another clip
    assert not torch.allclose(backward, mixer(x), atol=1e-3)


@torch.no_grad()
def test_it_adds_what_attention_finds_along_time_at_each_place():
    mixer = TemporalAttention(16, 2, Full())
    torch.nn.init.normal_(mixer.attention.out.weight)
    x = torch.randn(2, 4, 2, 3, 16)
    found, angles = mixer(x), time_angles(4, 8)
    for row, i, j in torch.cartesian_prod(*map(torch.arange, (2, 2, 3))):
        sequence = x[row, :, i, j][None, :, None]  # 1 f 1 d
        expected = sequence + mixer.attention(mixer.norm(sequence), angles)
        torch.testing.assert_close(found[row, :, i, j], expected[0, :, 0], rtol=1e-5, atol=1e-5)
