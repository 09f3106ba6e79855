import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.codecs.linear import LinearCodec
from kinema.errors import UserError

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
