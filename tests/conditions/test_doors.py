import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.conditions import (
    DOORS,
    Conditions,
    Grid,
    Tokens,
    Vector,
    cat_conditions,
    draw_dropped,
)
from kinema.errors import UserError


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


ABSENT = Conditions()


def with_text(batch, length):
    tokens = torch.arange(batch * length * 4.0).view(batch, length, 4)
    return Conditions(Tokens(tokens, torch.ones(batch, length, dtype=torch.bool)))


def all_doors(batch=4):
    torch.manual_seed(0)
    return Conditions(
        with_text(batch, 3).text,
        depth=Grid(torch.randn(batch, 1, 2, 4, 4)),
        speed=Vector(torch.randn(batch, 2, 1)),
    )


def present(conditions):
    """By name, which rows are given."""
    return {
        name: condition.presence.flatten(1).any(1).tolist() if name != "text" else
        condition.presence.bool().tolist()
        for name, condition in conditions.named.items()
    }  # fmt: skip


def test_what_is_none_is_as_if_not_named():
    conditions = Conditions(None, depth=None, speed=Vector(torch.zeros(1, 2, 1)))
    assert conditions.names == ["speed"] and conditions.text is None
    assert repr(all_doors()) == "Conditions(text, depth, speed)"


def test_rows_are_rows_of_all_conditions():
    whole = all_doors()
    for rows in (slice(1, 3), [1, 2], torch.tensor([1, 2])):
        part = whole[rows]
        assert part.names == whole.names
        assert torch.equal(part.text.tokens, whole.text.tokens[1:3])
        assert torch.equal(part.named["depth"].values, whole.named["depth"].values[1:3])
        assert torch.equal(part.named["speed"].values, whole.named["speed"].values[1:3])


def test_to_moves_all_conditions():
    moved = all_doors().to(torch.bfloat16)
    assert {c.tensors[0].dtype for c in moved.named.values()} == {torch.bfloat16}
    assert moved.text.mask.dtype == torch.bool


def test_each_frame_has_the_conditions_of_its_row():
    frames = all_doors(batch=3).each_frame(2)
    assert {len(condition) for condition in frames.named.values()} == {6}


def test_cat_stacks_rows_in_order_and_pads_the_shorter():
    short, long = with_text(1, 2), with_text(2, 5)
    both = cat_conditions([short, long]).text
    assert both.mask.sum(1).tolist() == [2, 5, 5]
    assert torch.equal(both.tokens[0, :2], short.text.tokens[0])
    assert torch.equal(both.tokens[1:], long.text.tokens)
    doors = cat_conditions([all_doors(1), all_doors(2)])
    assert doors.names == all_doors().names and len(doors.named["depth"]) == 3
    assert len(cat_conditions([all_doors(2)]).text) == 2


def test_an_absent_text_stays_absent():
    for still in (ABSENT, ABSENT[:1], ABSENT.to("cpu"), cat_conditions([ABSENT, ABSENT])):
        assert still.names == [] and still.text is None


def test_a_condition_in_some_of_the_batches_is_refused():
    with pytest.raises(AssertionError, match="some of the batches"):
        cat_conditions([with_text(1, 2), ABSENT])


def test_rows_are_dropped_one_condition_at_a_time():
    null = Conditions(with_text(1, 1).text)
    rows = {"text": torch.tensor([1, 0, 0, 1]).bool(), "speed": torch.tensor([0, 1, 0, 1]).bool()}
    dropped = all_doors().dropped(rows, null)
    assert present(dropped) == {
        "text": [True] * 4, "depth": [True] * 4, "speed": [True, False, True, False],
    }  # fmt: skip
    assert dropped.text.mask.sum(1).tolist() == [1, 3, 3, 1]
    assert torch.equal(dropped.text.tokens[3, :1], null.text.tokens[0])
    assert present(all_doors().dropped(rows))["text"] == [False, True, True, False]


def test_what_guidance_compares_differs_by_one_condition_each_and_is_one_batch():
    turns = all_doors(2).in_turn("depth", "speed")
    shown = [(any(p["depth"]), any(p["speed"])) for p in map(present, turns)]
    assert shown == [(False, False), (True, False), (True, True)]
    assert all(all(present(turn)["text"]) for turn in turns)
    assert len(cat_conditions(turns).text) == 6


def test_without_takes_the_null_where_there_is_one():
    null = Conditions(with_text(1, 1).text)
    both = all_doors().without("text", "depth", nulls=null)
    assert both.text.mask.sum(1).tolist() == [1] * 4 and not any(present(both)["depth"])
    assert all(present(both)["speed"])


def test_strengths_go_by_name():
    scaled = all_doors().scaled(depth=0.5, speed=torch.tensor([0.0, 1.0, 1.0, 1.0]))
    assert (scaled.named["depth"].presence == 0.5).all()
    assert present(scaled)["speed"] == [False, True, True, True]
    assert torch.equal(scaled.text.presence, torch.ones(4))


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.without("dept"),
        lambda c: c.dropped({"dept": torch.ones(4).bool()}),
        lambda c: c.scaled(dept=1.0),
        lambda c: c.in_turn("dept"),
    ],
)
def test_a_condition_that_is_not_given_is_named(call):
    with pytest.raises(UserError, match="There is no condition 'dept'; did you mean 'depth'"):
        call(all_doors())
    with pytest.raises(UserError, match="There is no condition 'dept'; none is given"):
        call(ABSENT)


def test_dropping_draws_each_condition_by_itself_from_the_generator():
    shares = {"text": 0.1, "depth": 0.5}
    one, again, other = (
        draw_dropped(shares, 4000, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    for name, share in shares.items():
        assert one[name].float().mean() == pytest.approx(share, abs=0.03)
        assert torch.equal(one[name], again[name]) and not torch.equal(one[name], other[name])
    both = (one["text"] & one["depth"]).float().mean()
    assert both == pytest.approx(0.05, abs=0.015)
    never = draw_dropped({"a": 0.0, "b": 1.0}, 100)
    assert not never["a"].any() and never["b"].all()


def test_the_old_name_of_tokens_warns():
    import kinema.conditions

    with pytest.warns(DeprecationWarning, match="Text is Tokens now"):
        assert kinema.conditions.Text is Tokens
