import torch

from kinema.blocks.attention import Full
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
