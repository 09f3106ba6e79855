import pytest
import torch

from kinema.blocks.folding import depth_to_space, space_to_depth


@pytest.mark.parametrize("factors", [(1, 2, 2), (4, 2, 1), (1, 1, 1)])
def test_depth_and_space_are_inverse(factors):
    x = torch.randn(2, 4, 6, 2, 3)
    deep = space_to_depth(x, factors)
    r, p, q = factors
    assert deep.shape == (2, 4 // r, 6 // p, 2 // q, 3 * r * p * q)
    assert torch.equal(depth_to_space(deep, factors), x)
    assert torch.equal(deep[0, 0, 0, 0], x[0, :r, :p, :q].flatten())
