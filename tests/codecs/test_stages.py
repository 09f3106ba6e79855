import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.codecs.stages import (
    Chain,
    Down,
    LinearCodec,
    Refiner,
    ResidualBlock,
    Up,
    cosine_basis,
    pixel_norm,
)
from kinema.errors import UserError


def test_down_and_up_halve_and_double_the_sides():
    x = torch.randn(2, 3, 8, 6, 4)
    half = Down(4, 6)(x)
    assert half.shape == (2, 3, 4, 3, 6)
    assert Up(6, 4)(half).shape == x.shape


def test_a_chain_in_two_chunks_is_the_chain_of_the_whole():
    chain, x, cache = (
        Chain([ResidualBlock(4), ResidualBlock(4, frames=2)]),
        torch.randn(1, 7, 5, 5, 4),
        {},
    )
    chunks = torch.cat([chain(part, cache) for part in x.split([3, 4], dim=1)], dim=1)
    torch.testing.assert_close(chunks, chain(x), atol=1e-5, rtol=1e-5)


def test_a_refiner_sees_no_later_frame():
    refiner, frames = Refiner((2, 2), width=8, depth=2, frames=3), torch.rand(1, 6, 8, 8, 3)
    changed = frames.clone()
    changed[:, 4:] = 0
    touched, others = refiner(frames), refiner(changed)
    assert torch.equal(touched[:, :4], others[:, :4]) and (touched != frames).any()


def test_a_refiner_of_two_blocks_in_chunks_is_that_of_the_whole():
    refiner, frames = Refiner((2, 2), width=8, depth=2, frames=3), torch.rand(1, 6, 8, 8, 3)
    for weight in refiner.parameters():
        nn.init.normal_(weight, std=0.3)
    cache = {}
    chunks = torch.cat([refiner(part, cache) for part in frames.split([1, 3, 2], dim=1)], dim=1)
    torch.testing.assert_close(chunks, refiner(frames), atol=1e-5, rtol=1e-5)


def test_pixel_norm_gives_every_pixel_mean_0_and_variance_1():
    x = torch.randn(2, 3, 4, 5, 16) * 7 + 3
    y = pixel_norm(x)
    torch.testing.assert_close(y.mean(-1), torch.zeros(2, 3, 4, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(-1, unbiased=False), torch.ones(2, 3, 4, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(pixel_norm(x[:, 1:2, 2:3]), y[:, 1:2, 2:3])


FACTORS = (2, 2, 2)


def clips_of_rank(rank: int, seed: int = 0) -> torch.Tensor:
    """Blocks that are mixtures of `rank` fixed patterns."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(rank, 3, *FACTORS, generator=torch.Generator().manual_seed(7))
    amounts = torch.randn(4, rank, 3, 4, 4, generator=generator)
    blocks = torch.einsum("nkfhw,kcrpq->nfrhpwqc", amounts, patterns)
    return blocks.reshape(4, 6, 8, 8, 3)


def test_coordinates_of_a_block_are_those_of_its_nearest_point():
    codec = LinearCodec(FACTORS, 5)
    frames = torch.rand(1, 4, 6, 8, 3)
    latents = codec.encode(frames)
    assert latents.shape == (1, 2, 3, 4, 5)
    torch.testing.assert_close(codec.encode(codec.decode(latents)), latents)


def test_a_fitted_codec_loses_nothing_of_clips_that_need_no_more():
    codec = LinearCodec(FACTORS, 4, fitted=True)
    codec.fit([clips_of_rank(4), clips_of_rank(4, seed=1)])
    unseen = clips_of_rank(4, seed=2)
    torch.testing.assert_close(codec.decode(codec.encode(unseen)), unseen, atol=1e-4, rtol=1e-4)
    assert codec.encode(unseen).square().mean((0, 1, 2, 3)).sub(1).abs().max() < 0.5


def test_with_fewer_numbers_it_loses_less_than_cosines():
    clips = [clips_of_rank(8, seed) for seed in range(3)]
    fitted, cosines = LinearCodec(FACTORS, 4, fitted=True), LinearCodec(FACTORS, 4)
    fitted.fit(clips)

    def error(codec):
        return sum((codec.decode(codec.encode(clip)) - clip).square().sum() for clip in clips)

    assert error(fitted) < 0.8 * error(cosines)


def test_the_basis_is_part_of_the_weights_only_if_it_was_fitted(tmp_path):
    assert not LinearCodec(FACTORS, 4).state_dict()
    torch.manual_seed(0)
    config = CausalVAEConfig(4, (2, 2, 2), (8, 8), (0, 0), (0, 0), fitted=True)
    codec = CausalVAE(config)
    frames = torch.rand(2, 3, 5, 16, 16) * 2 - 1
    codec.fit_linear([frames])
    codec.save_pretrained(tmp_path)
    loaded = CausalVAE.from_pretrained(tmp_path)
    assert torch.equal(loaded.linear.basis, codec.linear.basis)
    assert torch.equal(loaded(frames), codec(frames))


def test_it_is_as_exact_in_mixed_precision():
    codec, blocks = LinearCodec((1, 4, 4), 48), torch.rand(1, 2, 8, 8, 3) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        again = codec.decode(codec.encode(blocks))
    torch.testing.assert_close(again, blocks, atol=1e-5, rtol=0)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(UserError, match="no clips to fit"):
        LinearCodec(FACTORS, 4, fitted=True).fit([])
    with pytest.raises(UserError, match="has cosines"):
        CausalVAE(CausalVAEConfig(widths=(8, 8))).fit_linear([torch.zeros(1, 3, 1, 8, 8)])
    with pytest.raises(UserError, match="at most 4096 values"):
        CausalVAEConfig(4, (8, 16, 16), fitted=True)


@given(st.tuples(st.integers(1, 4), st.integers(1, 8), st.integers(1, 8)), st.integers(1, 16))
def test_the_rows_are_orthonormal(factors, channels):
    r, p, q = factors
    basis = cosine_basis(factors, min(channels, 3 * r * p * q))
    assert torch.allclose(basis @ basis.t(), torch.eye(len(basis)), atol=1e-5)


def test_three_channels_keep_the_color_of_every_block():
    basis = cosine_basis((4, 8, 8), 3)
    flat = torch.tensor([0.3, -0.7, 0.1]).repeat(256)
    assert torch.allclose(flat @ basis.t() @ basis, flat, atol=1e-5)


def test_the_fourth_and_fifth_are_the_first_waves_of_luma_in_space():
    wave = cosine_basis((4, 8, 8), 5)[3:].reshape(2, 4, 8, 8, 3)
    assert torch.allclose(wave.mean(dim=(1, 4), keepdim=True).expand_as(wave), wave, atol=1e-5)
