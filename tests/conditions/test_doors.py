import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.conditions import DOORS, Grid, Tokens, Vector


def random(door, batch=3, f=4, length=5, seed=0):
    """A batch of a condition whose presence differs from place to place."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    if door == "grid":
        return Grid(draw(batch, 2, f, 3, 4), (draw(batch, 1, f, 3, 4) > 0).float())
    if door == "vector":
        return Vector(draw(batch, f, 6), (draw(batch, f, 1) > 0).float())
    mask = torch.arange(length)[None] <= torch.arange(batch)[:, None]
    return Tokens(draw(batch, length, 6), mask)


def same(one, other):
    pairs = zip(one.tensors, other.tensors, strict=True)
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in pairs)


doors = pytest.mark.parametrize("door", DOORS)


def test_presence_is_one_where_a_condition_is_given_unless_it_says_otherwise():
    grid, vector = Grid(torch.zeros(2, 5, 3, 4, 4)), Vector(torch.zeros(2, 3, 7))
    assert torch.equal(grid.presence, torch.ones(2, 1, 3, 4, 4))
    assert torch.equal(vector.presence, torch.ones(2, 3, 1))
    mask = torch.tensor([[True, False], [False, False]])
    tokens = Tokens(torch.zeros(2, 2, 3, dtype=torch.bfloat16), mask)
    assert tokens.presence.tolist() == [1, 0] and tokens.presence.dtype == torch.bfloat16


@doors
def test_rows_by_slice_list_and_tensor(door):
    whole = random(door)
    for rows in (slice(1, 3), [1, 2], torch.tensor([1, 2])):
        part = whole[rows]
        assert len(part) == 2
        for x, y in zip(part.tensors, whole.tensors, strict=True):
            assert torch.equal(x, y[1:3])


@doors
def test_to_changes_the_type_of_numbers_and_leaves_masks(door):
    moved, whole = random(door).to(torch.bfloat16), random(door)
    for x, y in zip(moved.tensors, whole.tensors, strict=True):
        assert x.dtype == (torch.bool if y.dtype == torch.bool else torch.bfloat16)
    assert all(x.device.type == "meta" for x in whole.to("meta").tensors)


@doors
def test_expand_repeats_one_row(door):
    one = random(door)[1:2]
    many = one.expand(4)
    assert len(many) == 4 and same(many[3:4], one) and same(many[:1], one)


@doors
def test_stacked_is_one_batch_after_the_other(door):
    one, other = random(door, 2), random(door, 3, seed=1)
    both = type(one).stacked([one, other])
    assert len(both) == 5 and same(both[:2], one) and same(both[2:], other)


def test_tokens_are_stacked_behind_padding_that_is_not_real():
    short, long = random("tokens", 2, length=3), random("tokens", 3, length=5)
    both = Tokens.stacked([short, long])
    assert both.tokens.shape == (5, 5, 6)
    assert torch.equal(both.tokens[:2, :3], short.tokens) and not both.mask[:2, 3:].any()
    assert torch.equal(both.tokens[2:], long.tokens) and torch.equal(both.mask[2:], long.mask)
    with pytest.raises(AssertionError, match="cannot pad 5 tokens to 4"):
        long.pad(4)


@doors
@given(rows=st.lists(st.booleans(), min_size=3, max_size=3))
@settings(max_examples=8, deadline=None)
def test_dropped_rows_are_absent_or_the_null_and_the_others_as_they_were(door, rows):
    whole, null = random(door), random(door, 1, length=7, seed=2)
    which = torch.tensor(rows)
    gone, replaced = whole.dropped(which), whole.dropped(which, null)
    fitted, nulls = type(whole).alike([whole, null])
    for i, drop in enumerate(rows):
        row = slice(i, i + 1)
        assert same(gone[row], whole[row].absent() if drop else whole[row])
        assert same(replaced[row], nulls if drop else fitted[row])


@doors
def test_an_absent_condition_is_not_a_zero_one(door):
    zero = random(door).each(lambda x: x if x.dtype == torch.bool else torch.zeros_like(x))
    absent = random(door).absent()
    assert not absent.tensors[-1].any() and same(absent, absent.absent())
    given_zero = type(zero)(*zero.tensors[:-1])
    assert given_zero.tensors[-1].any() and not same(given_zero, absent)


@doors
def test_strength_scales_the_presence_alone(door):
    whole = random(door)
    half, each = whole.scaled(0.5), whole.scaled(torch.tensor([0.0, 1.0, 2.0]))
    for x, y in zip(half.tensors[:-1], whole.tensors[:-1], strict=True):
        assert torch.equal(x, y)
    assert torch.equal(half.tensors[-1], whole.tensors[-1] / 2)
    assert not each[:1].tensors[-1].any() and same(each[1:2], whole[1:2])
    assert torch.equal(each[2:].tensors[-1], 2 * whole[2:].tensors[-1])


def test_a_signal_is_the_values_where_present_and_the_presence():
    grid, vector = random("grid"), random("vector")
    for condition, axis in ((grid, 1), (vector, -1)):
        signal = condition.signal()
        *values, presence = signal.unbind(axis)
        assert torch.equal(presence, condition.presence.squeeze(axis))
        absent = torch.stack(values, axis)[
            (presence == 0).unsqueeze(axis).expand_as(condition.values)
        ]
        assert absent.numel() and not absent.any()
        present = (presence == 1).unsqueeze(axis).expand_as(condition.values)
        assert torch.equal(torch.stack(values, axis)[present], condition.values[present])


@doors
def test_each_frame_is_a_clip_of_one_frame(door):
    whole, f = random(door), 4
    frames = whole.each_frame(f)
    assert len(frames) == 3 * f
    for row in range(3):
        for frame in range(f):
            part = frames[row * f + frame : row * f + frame + 1]
            if door == "grid":
                expected = whole[row : row + 1].each(lambda x, i=frame: x[:, :, i : i + 1])
            elif door == "vector":
                expected = whole[row : row + 1].each(lambda x, i=frame: x[:, i : i + 1])
            else:
                expected = whole[row : row + 1]
            assert same(part, expected)


def test_the_mean_is_of_real_tokens_and_zero_without_any():
    tokens = random("tokens")
    for i in range(3):
        torch.testing.assert_close(tokens.mean()[i], tokens.tokens[i, : i + 1].mean(0))
    torch.testing.assert_close(tokens.pad(9).mean(), tokens.mean())
    assert torch.equal(tokens.absent().mean(), torch.zeros(3, 6))


def test_a_token_weighs_what_its_row_is_present_and_padding_nothing():
    weights = random("tokens").scaled(torch.tensor([1.0, 0.5, 0.0])).weights
    assert weights.tolist() == [[1, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0], [0] * 5]


def test_a_summary_is_weighed_by_presence():
    tokens = random("tokens").scaled(torch.tensor([1.0, 0.5, 0.0]))
    expected = (tokens.mean() + 3) * torch.tensor([[1.0], [0.5], [0.0]])
    torch.testing.assert_close(tokens.summary(lambda mean: mean + 3), expected)
