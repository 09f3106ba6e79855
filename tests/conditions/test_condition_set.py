import pytest
import torch

from kinema.conditions import (
    Conditions,
    Grid,
    Tokens,
    Vector,
    cat_conditions,
    draw_dropped,
)
from kinema.errors import UserError

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
