import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.codecs.cosine import cosine_basis


@given(st.tuples(st.integers(1, 4), st.integers(1, 8), st.integers(1, 8)), st.integers(1, 16))
def test_the_rows_are_orthonormal(factors, channels):
    r, p, q = factors
    basis = cosine_basis(factors, min(channels, 3 * r * p * q))
    assert torch.allclose(basis @ basis.t(), torch.eye(len(basis)), atol=1e-5)


def test_three_channels_keep_the_colour_of_every_block():
    basis = cosine_basis((4, 8, 8), 3)
    flat = torch.tensor([0.3, -0.7, 0.1]).repeat(256)
    assert torch.allclose(flat @ basis.t() @ basis, flat, atol=1e-5)


def test_the_fourth_and_fifth_are_the_first_waves_of_luma_in_space():
    wave = cosine_basis((4, 8, 8), 5)[3:].reshape(2, 4, 8, 8, 3)
    assert torch.allclose(wave.mean(dim=(1, 4), keepdim=True).expand_as(wave), wave, atol=1e-5)
