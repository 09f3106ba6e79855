from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import kinema
from kinema.codecs import CausalVAE, CausalVAEConfig, Pixels, TiledCodec
from kinema.codecs.tiling import spans
from kinema.errors import UserError
from kinema.worlds import Rendering, tabletop

EXACT = {"atol": 1e-5, "rtol": 1e-5}
SHIPPED = Path(kinema.__file__).parent / "models" / "tabletop" / "codec"
GREY_LEVEL = 2 / 255


def random_codec() -> CausalVAE:
    torch.manual_seed(0)
    codec = CausalVAE(
        CausalVAEConfig(3, (2, 2, 2), (4, 6), (1, 0), (0, 1), refiner_width=4, refiner_depth=1)
    )
    for weight in codec.parameters():
        nn.init.normal_(weight, std=0.7 * max(1, weight[0].numel()) ** -0.5)
    codec.latent_mean.normal_()
    return codec.requires_grad_(False)


CODEC = random_codec()


class TileMean(Pixels):
    """A codec that looks at everything it is given: it adds the mean of all it sees."""

    reach = None

    def decode(self, latents, num_frames=None, size=None):
        return super().decode(latents + latents.mean(), num_frames, size)


def random_clip(num_frames: int, size: tuple[int, int]) -> torch.Tensor:
    return torch.rand(1, 3, num_frames, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@settings(max_examples=15, deadline=None)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    tile=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    num_frames=st.integers(1, 3),
)
def test_tiled_equals_untiled_where_the_overlap_is_the_reach(size, tile, num_frames):
    tiled, frames = TiledCodec(CODEC, tile), random_clip(num_frames, size)
    latents = CODEC.encode(frames)
    assert latents.shape[1:] == tiled.latent_shape(num_frames, *size)
    torch.testing.assert_close(tiled.encode(frames), latents, **EXACT)
    decoded = CODEC.decode(latents, num_frames, size)
    torch.testing.assert_close(tiled.decode(latents, num_frames, size), decoded, **EXACT)


@given(
    length=st.integers(1, 40), tile=st.integers(1, 12), margin=st.integers(0, 6),
    places=st.integers(1, 8), fades=st.booleans(),
)  # fmt: skip
def test_the_weights_of_all_tiles_add_up_to_one(length, tile, margin, places, fades):
    total = torch.zeros(length * places)
    for span in spans(length, tile, margin, margin / 2 if fades else 0.0, places):
        assert 0 <= span.start < span.stop <= length
        assert span.weights.min() >= 0
        total[span.scaled(places)] += span.weights
    torch.testing.assert_close(total, torch.ones_like(total))


def test_tiles_that_disagree_fade_into_one_another():
    """The two halves of the picture shift the tiles by their means: without fading, an edge."""
    latents = torch.zeros(1, 3, 1, 8, 64)
    latents[..., 32:] = 1
    smooth = TiledCodec(TileMean(), (8, 32), overlap=16).decode(latents)
    own = smooth - latents
    assert own.min() >= 0.2 and own.max() <= 0.8  # 16 of 48 places, 32 of 48
    assert own.diff(dim=4).abs().max() < 0.05
    cut = TiledCodec(TileMean(), (8, 32), overlap=0).decode(latents) - latents
    assert cut.diff(dim=4).abs().max() == 1


def test_pixels_are_tiled_without_a_trace():
    frames = random_clip(2, (13, 21))
    tiled = TiledCodec(Pixels(), (4, 5))
    assert torch.equal(tiled.decode(tiled.encode(frames), 2, (13, 20)), frames[..., :20])


@pytest.fixture(scope="module")
def shipped():
    """The codec that ships, and a rendered clip that takes several tiles, with its latents."""
    codec = CausalVAE.from_pretrained(SHIPPED).eval().requires_grad_(False)
    clip = tabletop.render([5], Rendering(num_frames=5, size=(64, 160)))[0].frames
    frames = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    return codec, frames, codec.encode(frames)


def test_the_codec_that_ships_is_tiled_exactly(shipped):
    codec, frames, latents = shipped
    tiled = TiledCodec(codec, (64, 64))
    torch.testing.assert_close(tiled.encode(frames), latents, atol=1e-4, rtol=0)
    torch.testing.assert_close(tiled.decode(latents), codec.decode(latents), atol=1e-4, rtol=0)


def test_less_than_the_reach_of_the_codec_that_ships_is_not_seen(shipped):
    """The bound stated in docs/codecs.md: one grey level, with margins of 32 pixels of 48."""
    codec, _, latents = shipped
    whole = codec.decode(latents)
    tiled = TiledCodec(codec, (64, 64), overlap=32).decode(latents)
    assert 0 < (tiled - whole).abs().max() < GREY_LEVEL


def test_a_codec_of_unknown_reach_needs_an_overlap():
    with pytest.raises(UserError, match="give the tiles an overlap"):
        TiledCodec(type("Blind", (), {"factors": (1, 1, 1), "channels": 3})())


@pytest.mark.parametrize("tile, overlap", [((0, 8), None), ((8, 8), -1)])
def test_tiles_that_cannot_be_cut_are_refused(tile, overlap):
    with pytest.raises(UserError, match="cannot be cut"):
        TiledCodec(Pixels(), tile, overlap)


def test_what_is_no_clip_and_no_latents_is_refused():
    tiled = TiledCodec(CODEC, (8, 8))
    with pytest.raises(UserError, match="empty"):
        tiled.encode(torch.zeros(1, 3, 0, 8, 8))
    with pytest.raises(UserError, match="take them from its own encode"):
        tiled.decode(torch.zeros(1, 5, 1, 8, 8))
    with pytest.raises(UserError, match="ask for fewer"):
        tiled.decode(CODEC.encode(random_clip(1, (8, 8))), 1, (9, 8))
