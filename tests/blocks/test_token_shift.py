import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks.token_shift import TokenShift, token_shift

sizes = st.integers(1, 4)
COUNTS = {"everywhere": 6, "past": 5, "frame": 4, "nowhere": 0}  # neighbors that are seen
# What each eighth takes, as a step along (f, h, w); the last two stay.
TAKEN = [(0, 0, -1), (0, 0, 1), (0, -1, 0), (0, 1, 0), (-1, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)]


@given(f=sizes, h=sizes, w=sizes, reach=st.sampled_from([*COUNTS]))
@settings(max_examples=30, deadline=None)
def test_every_eighth_takes_one_neighbor_or_zero(f, h, w, reach):
    x = torch.randn(2, f, h, w, 16)
    y = token_shift(x, reach)
    taken = TAKEN[: COUNTS[reach]] + [(0, 0, 0)] * (8 - COUNTS[reach])
    for eighth, step in enumerate(taken):
        channels = slice(2 * eighth, 2 * eighth + 2)
        for place in torch.cartesian_prod(torch.arange(f), torch.arange(h), torch.arange(w)):
            source = [int(a) + b for a, b in zip(place, step, strict=True)]
            inside = all(0 <= i < n for i, n in zip(source, (f, h, w), strict=True))
            expected = x[:, *source, channels] if inside else torch.zeros(2, 2)
            assert torch.equal(y[:, *place, channels], expected)


@pytest.mark.parametrize("reach", COUNTS)
def test_gradcheck(reach):
    x = torch.randn(1, 2, 2, 3, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: token_shift(y, reach), (x,))


def test_chunks_are_the_whole():
    x, layer, cache = torch.randn(1, 5, 2, 2, 16), TokenShift("past"), {}
    chunks = [layer(x[:, :2], cache), layer(x[:, 2:3], cache), layer(x[:, 3:], cache)]
    assert torch.equal(torch.cat(chunks, dim=1), token_shift(x, "past"))


def test_the_layer_shifts_as_far_as_it_reaches():
    x = torch.randn(1, 3, 2, 2, 16)
    assert torch.equal(TokenShift()(x), token_shift(x, "everywhere"))
    assert torch.equal(TokenShift("past")(x), token_shift(x, "past"))
    cache = {}
    assert torch.equal(TokenShift("frame")(x, cache), token_shift(x, "frame")) and cache == {}
    assert token_shift(x, "nowhere") is x
