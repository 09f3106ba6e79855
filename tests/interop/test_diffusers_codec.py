"""The real classes of diffusers, small and random, saved and loaded through the real path."""

import json
from pathlib import Path

import pytest
import torch

from kinema.errors import UserError
from kinema.interop import load_codec
from kinema.interop.diffusers_codec import PretrainedCodec, pieces
from kinema.interop.diffusers_codec_kinds import KINDS, Stream

diffusers = pytest.importorskip("diffusers")
SMALL = json.loads(Path(__file__).with_name("small_codecs.json").read_text())
STREAMS = [name for name in KINDS if KINDS[name].decode_stream]


def noise(num_frames, height=32, width=32, batch=1):
    torch.manual_seed(num_frames)
    return torch.rand(batch, 3, num_frames, height, width) * 2 - 1


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A saved network of each class."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("codecs")
    for name, config in SMALL.items():
        network = getattr(diffusers, name)(**config)
        if name == "AutoencoderKLLTXVideo":  # its statistics are weights
            network.latents_mean.normal_()
            network.latents_std.uniform_(0.5, 2)
        network.save_pretrained(root / name)
    return root


@pytest.fixture(scope="module")
def codecs(folders):
    with torch.no_grad():
        yield {name: load_codec(folders / name).requires_grad_(False) for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_n_frames_in_n_frames_out(codecs, name):
    codec = codecs[name]
    for n in range(1, 11):
        frames = noise(n, 20, 35)
        latents = codec.encode(frames)
        assert latents.shape[1:] == codec.latent_shape(n, 20, 35)
        assert codec.decode(latents, n, (20, 35)).shape == frames.shape
        f, h, w = latents.shape[2:]
        r, p, q = codec.factors
        assert codec.decode(latents).shape[2:] == (1 + r * (f - 1), p * h, q * w)


def by_hand(name, vae, frames):
    """encode and decode as the pipelines of diffusers write them, for lengths that they know."""
    config, images = vae.config, frames[0].transpose(0, 1)
    z = vae.encode(images if name in STILLS else frames).latent_dist.mode()
    options = {"num_frames": frames.shape[2]} if name == "AutoencoderKLTemporalDecoder" else {}
    back = vae.decode(z, **options).sample
    if name in STILLS:
        z, back = z.transpose(0, 1)[None], back.transpose(0, 1)[None]
    if name == "AutoencoderKL":  # stable_diffusion_3 img2img
        return (z - config.shift_factor) * config.scaling_factor, back
    if name == "AutoencoderKLWan":  # wan i2v
        mean = torch.tensor(config.latents_mean).view(1, -1, 1, 1, 1)
        std = 1.0 / torch.tensor(config.latents_std).view(1, -1, 1, 1, 1)
        return (z - mean) * std, back
    if name == "AutoencoderKLLTXVideo":
        normalize = diffusers.LTXPipeline._normalize_latents
        return normalize(z, vae.latents_mean, vae.latents_std, config.scaling_factor), back
    if name == "AutoencoderKLMochi":  # the inverse of `latents * std / scaling_factor + mean`
        mean = torch.tensor(config.latents_mean).view(1, -1, 1, 1, 1)
        std = torch.tensor(config.latents_std).view(1, -1, 1, 1, 1)
        return (z - mean) * config.scaling_factor / std, back
    return z * config.scaling_factor, back


STILLS = ("AutoencoderKL", "AutoencoderKLTemporalDecoder")


@pytest.mark.parametrize("name", KINDS)
def test_latents_and_frames_are_those_of_the_pipeline(codecs, name):
    codec = codecs[name]
    frames = noise(1 + 2 * codec.factors[0])
    latents, back = by_hand(name, codec.network, frames)
    torch.testing.assert_close(codec.encode(frames), latents)
    torch.testing.assert_close(codec.decode(latents), back, rtol=1e-4, atol=1e-5)


def test_statistics_of_sdxl_and_those_that_a_pipeline_does_not_apply():
    config = {**SMALL["AutoencoderKL"], "shift_factor": None, "scaling_factor": 0.5}
    stats = {"latents_mean": [1.0, 2, 3, 4], "latents_std": [2.0, 4, 2, 4]}
    codec = PretrainedCodec(diffusers.AutoencoderKL(**config, **stats))
    assert codec.latent_mean.tolist() == [1, 2, 3, 4]
    assert codec.latent_scale.tolist() == [4, 8, 4, 8]
    config = {**SMALL["AutoencoderKLCogVideoX"], **stats, "shift_factor": 9.0}
    codec = PretrainedCodec(diffusers.AutoencoderKLCogVideoX(**config))
    assert codec.latent_mean.tolist() == [0] * 4
    assert codec.latent_scale.tolist() == pytest.approx([1 / 1.15258426] * 4)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(("n", "cut"), [(1, 1), (2, 1), (8, 3), (10, 4), (17, 7)])
def test_a_stream_equals_the_whole(codecs, name, n, cut):
    codec, frames = codecs[name], noise(n, 20, 35)
    latents = codec.encode(frames)
    streamed = torch.cat(list(codec.encode_stream(frames.split(cut, dim=2))), dim=2)
    torch.testing.assert_close(streamed, latents, rtol=1e-4, atol=1e-5)
    back = codec.decode(latents, n, (20, 35))
    chunks = codec.decode_stream(latents.split(cut, dim=2), n, (20, 35))
    torch.testing.assert_close(torch.cat(list(chunks), dim=2), back, rtol=1e-4, atol=1e-4)


def test_two_streams_of_one_codec_do_not_meet(codecs):
    codec, a, b = codecs["AutoencoderKLWan"], noise(5), noise(9)[:, :, 4:]
    pairs = zip(codec.encode_stream(a.split(1, 2)), codec.encode_stream(b.split(1, 2)), strict=True)
    ours, theirs = (torch.cat(column, dim=2) for column in zip(*pairs, strict=True))
    torch.testing.assert_close(ours, codec.encode(a))
    torch.testing.assert_close(theirs, codec.encode(b))


def test_the_first_latent_of_a_clip_is_its_first_frame(codecs):
    for name in ("AutoencoderKLWan", "AutoencoderKLLTXVideo", "AutoencoderKLMochi"):
        codec, frames = codecs[name], noise(9)
        first = codec.encode(frames[:, :, :1])
        torch.testing.assert_close(first, codec.encode(frames)[:, :, :1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in STREAMS])
def test_what_cannot_stream_says_so(codecs, name):
    with pytest.raises(UserError, match=f"An {name} cannot decode a clip in pieces"):
        next(codecs[name].decode_stream([torch.zeros(1, codecs[name].channels, 1, 4, 4)]))


def test_pieces_regroup_any_chunks():
    stream = Stream(lambda *_: None, first=9, block=8)
    chunks = torch.arange(30.0).view(1, 1, 30, 1, 1).split([1, 2, 20, 7], dim=2)
    found = list(pieces(chunks, stream, lambda chunk: None))
    assert [(p.shape[2], new) for p, new in found] == [(9, 9), (8, 8), (8, 8), (8, 5)]
    assert found[-1][0].flatten().tolist() == [25, 26, 27, 28, 29, 29, 29, 29]


def test_ltx_decoders_that_add_noise_are_functions():
    config = {
        **SMALL["AutoencoderKLLTXVideo"],
        "timestep_conditioning": True,
        "decoder_inject_noise": [True] * 5,
    }
    codec = PretrainedCodec(diffusers.AutoencoderKLLTXVideo(**config).eval())
    with torch.no_grad():
        for parameter in codec.network.parameters():
            if not parameter.any():
                parameter.normal_()
        latents = torch.randn(1, codec.channels, 2, 2, 2)
        assert torch.equal(codec.decode(latents), codec.decode(latents))


def test_tiles_are_passed_on_and_bad_ones_refused(folders):
    codec = load_codec(folders / "AutoencoderKLWan")
    frames = noise(5, 64, 64)
    with torch.no_grad():
        whole = codec.encode(frames)
        codec.enable_tiling(
            tile_sample_min_height=32, tile_sample_min_width=32,
            tile_sample_stride_height=24, tile_sample_stride_width=24,
        )  # fmt: skip
        tiled = codec.encode(frames)
        assert tiled.shape == whole.shape and not torch.equal(tiled, whole)
        assert codec(frames).shape == frames.shape
    with pytest.raises(UserError, match="cannot be tiled so"):
        codec.enable_tiling(tile_size=3)
    with pytest.raises(UserError, match="AutoencoderKLTemporalDecoder cannot be tiled so"):
        load_codec(folders / "AutoencoderKLTemporalDecoder").enable_tiling()


def test_tiles_that_return_another_size_are_refused(folders):
    codec = load_codec(folders / "AutoencoderKLCogVideoX")
    codec.enable_tiling(tile_sample_min_height=96, tile_sample_min_width=96)
    with torch.no_grad(), pytest.raises(UserError, match="choose other tile sizes"):
        codec(noise(1, 96, 192))


def test_saving_loads_again_and_computes_the_same(codecs, tmp_path):
    codec, frames = codecs["AutoencoderKLWan"], noise(3)
    codec.save_pretrained(tmp_path)
    again = load_codec(tmp_path)
    assert torch.equal(again.encode(frames), codec.encode(frames))


def test_weights_in_bf16_take_and_give_float32(folders):
    codec = load_codec(folders / "AutoencoderKLWan", dtype=torch.bfloat16)
    frames = noise(5)
    with torch.no_grad():
        latents = codec.encode(frames)
        assert codec.network.dtype == torch.bfloat16
        assert latents.dtype == codec.decode(latents).dtype == torch.float32


def test_latents_of_another_codec_and_bad_frames_are_refused(codecs):
    codec = codecs["AutoencoderKLWan"]
    with pytest.raises(UserError, match="take them from its own encode"):
        codec.decode(torch.zeros(1, 5, 1, 4, 4))
    with pytest.raises(UserError, match="empty"):
        codec.encode(torch.zeros(1, 3, 0, 8, 8))
    with pytest.raises(UserError, match="fewer than the 6 asked for"):
        list(codec.decode_stream([torch.zeros(1, 4, 2, 4, 4)], num_frames=6))
