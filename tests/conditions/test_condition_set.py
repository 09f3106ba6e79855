import pytest
import torch

from kinema.conditions import Conditions, Tokens, cat_conditions

ABSENT = Conditions()


def with_text(batch, length):
    tokens = torch.arange(batch * length * 4.0).view(batch, length, 4)
    return Conditions(Tokens(tokens, torch.ones(batch, length, dtype=torch.bool)))


def test_rows_are_rows_of_the_text():
    whole = with_text(4, 3)
    for rows in (slice(1, 3), [1, 2], torch.tensor([1, 2])):
        assert torch.equal(whole[rows].text.tokens, whole.text.tokens[1:3])


def test_to_moves_the_text():
    moved = with_text(2, 3).to(torch.bfloat16).text
    assert moved.tokens.dtype == torch.bfloat16 and moved.mask.dtype == torch.bool


def test_cat_stacks_rows_in_order_and_pads_the_shorter():
    short, long = with_text(1, 2), with_text(2, 5)
    both = cat_conditions([short, long]).text
    assert both.mask.sum(1).tolist() == [2, 5, 5]
    assert torch.equal(both.tokens[0, :2], short.text.tokens[0])
    assert torch.equal(both.tokens[1:], long.text.tokens)


def test_an_absent_text_stays_absent():
    for still in (ABSENT, ABSENT[:1], ABSENT.to("cpu"), cat_conditions([ABSENT, ABSENT])):
        assert still.names == [] and still.text is None


def test_text_in_some_of_the_batches_is_refused():
    with pytest.raises(AssertionError, match="some of the batches"):
        cat_conditions([with_text(1, 2), ABSENT])
