import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks.embedding import TimeEmbedding, pad_to_multiple, patchify, sinusoids, unpatchify

sizes = st.integers(1, 5)


def test_sinusoids_of_a_thousand_times_t():
    y = sinusoids(torch.tensor([0.0, 0.25]), 8)
    torch.testing.assert_close(y[0], torch.tensor([1.0] * 4 + [0.0] * 4))
    torch.testing.assert_close(y[1, 0], torch.tensor(math.cos(250.0)))
    torch.testing.assert_close(y[1, 7], torch.tensor(math.sin(250 * 1e-3)), rtol=1e-4, atol=1e-4)


def test_time_embedding_takes_any_shape():
    assert TimeEmbedding(16)(torch.rand(2, 5)).shape == (2, 5, 16)


@given(f=sizes, h=sizes, w=sizes, patch=st.tuples(*[st.integers(1, 3)] * 3))
@settings(max_examples=30, deadline=None)
def test_patches_and_padding_are_undone_by_unpatchify_and_a_cut(f, h, w, patch):
    x = torch.randn(2, 3, f, h, w)
    padded = pad_to_multiple(x, patch)
    assert all(n % p == 0 for n, p in zip(padded.shape[2:], patch, strict=True))
    y = unpatchify(patchify(padded, patch), patch)
    assert torch.equal(y, padded) and torch.equal(y[:, :, :f, :h, :w], x)


def test_a_token_holds_channel_frame_row_and_column_in_this_order():
    x = torch.randn(1, 2, 4, 6, 4)
    token = patchify(x, (2, 3, 2))[0, 1, 0, 1]
    assert torch.equal(token, x[0, :, 2:4, 0:3, 2:4].flatten())


def test_padding_repeats_the_last_frame_row_and_column():
    x = torch.arange(2 * 2 * 3.0).view(1, 1, 2, 2, 3)
    padded = pad_to_multiple(x, (3, 4, 4))
    assert padded.shape == (1, 1, 3, 4, 4)
    assert torch.equal(padded[:, :, 2], padded[:, :, 1])
    assert torch.equal(padded[:, :, :2, 2:, :3], x[:, :, :, 1:].expand(-1, -1, -1, 2, -1))
    assert torch.equal(padded[..., :2, :2, 3], x[..., 2])
    assert pad_to_multiple(x, (1, 2, 3)) is x


def test_a_time_is_embedded_by_two_layers():
    embedding, t = TimeEmbedding(8, num_sinusoids=6), torch.rand(2, 3)
    hidden = torch.nn.functional.silu(embedding.up(sinusoids(t, 6)))
    assert torch.equal(embedding(t), embedding.down(hidden))
