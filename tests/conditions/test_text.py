import torch

from kinema.conditions import Text, cat_text


def text(batch, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(batch, length, dtype=torch.bool)
    return Text(torch.randn(batch, length, 4, generator=generator), mask)


def test_rows_by_slice_list_and_tensor():
    whole = text(4, 3)
    for rows in (slice(1, 3), [1, 2], torch.tensor([1, 2])):
        assert torch.equal(whole[rows].tokens, whole.tokens[1:3]) and len(whole[rows]) == 2


def test_cat_pads_to_the_longest():
    short, long = text(1, 2), text(2, 5, seed=1)
    both = cat_text([short, long])
    assert both.tokens.shape == (3, 5, 4)
    assert both.mask.sum(1).tolist() == [2, 5, 5]
    assert torch.equal(both.tokens[:1, :2], short.tokens)
    assert torch.equal(both.tokens[1:], long.tokens)


def test_the_mean_is_of_real_tokens():
    torch.testing.assert_close(text(2, 3).pad(7).mean(), text(2, 3).tokens.mean(1))


def test_to_changes_the_type_of_tokens_only():
    moved = text(1, 2).to(torch.bfloat16)
    assert moved.tokens.dtype == torch.bfloat16 and moved.mask.dtype == torch.bool


def test_expand_repeats_one_row():
    assert text(1, 3).expand(5).tokens.shape == (5, 3, 4)
