import pytest
import torch

from kinema.blocks.space_time import SpaceTimeBlock


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
