import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import kinema
from kinema.codecs import LAYOUTS, CausalVAE, CausalVAEConfig
from kinema.errors import UserError

SMALL = CausalVAEConfig(
    channels=3, widths=(6, 8), encoder_depth=(1, 1), decoder_depth=(1, 1),
    refiner_width=5, refiner_depth=1,
)  # fmt: skip
EXACT = {"atol": 1e-5, "rtol": 1e-5}

example = settings(max_examples=12, deadline=None)
lengths = st.integers(1, 14)
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


def random_codec(config: CausalVAEConfig = SMALL, seed: int = 0) -> CausalVAE:
    """A codec in which every weight is at work, the residual branches and the statistics too."""
    torch.manual_seed(seed)
    codec = CausalVAE(config)
    for weight in codec.parameters():
        nn.init.normal_(weight, std=0.7 * max(1, weight[0].numel()) ** -0.5)
    codec.latent_mean.normal_()
    codec.latent_scale.uniform_(0.5, 2)
    return codec.requires_grad_(False)


CODEC = random_codec()


def random_clip(num_frames: int, size: tuple[int, int] = (16, 16), seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, num_frames, *size, generator=generator) * 2 - 1


def in_chunks(x: torch.Tensor, cuts: list[int]) -> list[torch.Tensor]:
    return [part for part in torch.tensor_split(x, sorted(cuts), dim=2) if part.shape[2]]


@example
@given(num_frames=lengths, size=sizes)
def test_any_clip_comes_back_with_its_own_shape(num_frames, size):
    frames = random_clip(num_frames, size)
    latents = CODEC.encode(frames)
    assert latents.shape[1:] == CODEC.latent_shape(num_frames, *size)
    assert latents.shape[2] == 1 + -(-(num_frames - 1) // 4)
    assert CODEC.decode(latents, num_frames, size).shape == frames.shape
    assert CODEC.decode(latents).shape[2] == 4 * (latents.shape[2] - 1) + 1
    assert CODEC(frames).shape == frames.shape


@example
@given(num_frames=lengths)
def test_a_picture_is_the_first_latent_of_its_clip(num_frames):
    frames = random_clip(num_frames)
    torch.testing.assert_close(CODEC.encode(frames[:, :, :1]), CODEC.encode(frames)[:, :, :1])


@example
@given(num_frames=st.integers(2, 14), data=st.data())
def test_a_later_frame_changes_no_earlier_latent(num_frames, data):
    frame = data.draw(st.integers(1, num_frames - 1))
    frames = random_clip(num_frames)
    changed = frames.clone()
    changed[:, :, frame:] *= -1
    before, after = CODEC.encode(frames), CODEC.encode(changed)
    own = 1 + (frame - 1) // 4  # the latent that holds the first changed frame
    torch.testing.assert_close(before[:, :, :own], after[:, :, :own], **EXACT)
    assert (before[:, :, own] - after[:, :, own]).abs().max() > 1e-3


@example
@given(num_latents=st.integers(1, 5), data=st.data())
def test_decoding_a_prefix_is_the_prefix_of_the_whole(num_latents, data):
    prefix = data.draw(st.integers(1, num_latents))
    latents = torch.randn(1, 3, num_latents, 2, 2, generator=torch.Generator().manual_seed(1))
    whole, part = CODEC.decode(latents), CODEC.decode(latents[:, :, :prefix])
    torch.testing.assert_close(part, whole[:, :, : part.shape[2]], **EXACT)


@example
@given(num_frames=lengths, cuts=st.lists(st.integers(1, 14), max_size=5), size=sizes)
def test_encoding_a_stream_equals_encoding_the_whole(num_frames, cuts, size):
    frames = random_clip(num_frames, size)
    streamed = torch.cat(list(CODEC.encode_stream(in_chunks(frames, cuts))), dim=2)
    torch.testing.assert_close(streamed, CODEC.encode(frames), **EXACT)


@example
@given(num_frames=lengths, cuts=st.lists(st.integers(1, 4), max_size=3), size=sizes)
def test_decoding_a_stream_equals_decoding_the_whole(num_frames, cuts, size):
    latents = CODEC.encode(random_clip(num_frames, size))
    stream = CODEC.decode_stream(in_chunks(latents, cuts), num_frames, size)
    streamed = torch.cat(list(stream), dim=2)
    torch.testing.assert_close(streamed, CODEC.decode(latents, num_frames, size), **EXACT)


def test_a_stream_gives_its_latents_as_soon_as_their_frames_are_there():
    frames = random_clip(9)
    taken = []

    def chunks():
        for chunk in frames.split(1, dim=2):
            taken.append(chunk)
            yield chunk

    stream = CODEC.encode_stream(chunks())
    arrivals = []
    for _ in stream:
        arrivals.append(len(taken))
    assert arrivals == [1, 5, 9]


def test_a_short_last_block_repeats_the_last_frame():
    frames = random_clip(6)
    padded = torch.cat([frames, frames[:, :, -1:].expand(-1, -1, 3, -1, -1)], dim=2)
    torch.testing.assert_close(CODEC.encode(frames), CODEC.encode(padded), **EXACT)


@pytest.mark.parametrize(
    "config, factors",
    [
        (CausalVAEConfig(3, (1, 2, 2), (4,), (1,), (1,)), (1, 2, 2)),
        (CausalVAEConfig(2, (8, 4, 4), (4, 4, 4, 4), (0, 0, 0, 1), (1, 0, 0, 0)), (8, 32, 32)),
        (CausalVAEConfig(2, (2, 2, 1), (4, 4), (1, 1), (1, 1)), (2, 4, 2)),
    ],
)
def test_other_factors_keep_the_same_promises(config, factors):
    codec = random_codec(config)
    assert codec.factors == factors
    frames = random_clip(10, (19, 33))
    latents = codec.encode(frames)
    assert latents.shape[1:] == codec.latent_shape(10, 19, 33)
    decoded = codec.decode(latents, 10, (19, 33))
    assert decoded.shape == frames.shape
    streamed = codec.decode_stream(codec.encode_stream(in_chunks(frames, [2, 3, 7])), 10, (19, 33))
    torch.testing.assert_close(torch.cat(list(streamed), dim=2), decoded, **EXACT)
    torch.testing.assert_close(codec.encode(frames[:, :, :1]), latents[:, :, :1], **EXACT)


def test_rows_of_a_batch_do_not_meet():
    both = torch.cat([random_clip(5, seed=1), random_clip(5, seed=2)])
    torch.testing.assert_close(CODEC(both)[1:], CODEC(both[1:]), **EXACT)


def test_statistics_make_latents_of_zero_mean_and_unit_variance():
    codec = random_codec(seed=3)
    clips = [random_clip(5, seed=seed) for seed in range(4)]
    codec.fit_statistics(clips)
    latents = torch.cat([codec.encode(clip) for clip in clips])
    torch.testing.assert_close(latents.mean((0, 2, 3, 4)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        latents.var((0, 2, 3, 4), unbiased=False), torch.ones(3), atol=1e-3, rtol=0
    )


def test_statistics_do_not_change_what_a_clip_looks_like_after_coding():
    codec, clip = random_codec(seed=4), random_clip(9)
    before = codec(clip)
    codec.fit_statistics([clip])
    torch.testing.assert_close(codec(clip), before, **EXACT)


def test_statistics_of_nothing_are_refused():
    with pytest.raises(UserError, match="no clips"):
        random_codec().fit_statistics([])


def test_saved_and_loaded_codecs_give_the_same_numbers(tmp_path):
    CODEC.save_pretrained(tmp_path)
    loaded = CausalVAE.from_pretrained(tmp_path)
    assert loaded.config == SMALL
    clip = random_clip(6)
    assert torch.equal(loaded.encode(clip), CODEC.encode(clip))
    assert torch.equal(loaded(clip), CODEC(clip))


def test_weights_that_do_not_match_their_config_are_refused(tmp_path):
    CODEC.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "channels": 4}))
    with pytest.raises(UserError, match="CausalVAE"):
        CausalVAE.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "text", ['{"channels": "eight"}', '{"chanels": 8}', "{", '{"fold": [4, 4]}']
)
def test_a_config_that_makes_no_sense_is_refused_in_a_sentence(tmp_path, text):
    CODEC.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError) as refused:
        CausalVAE.from_pretrained(tmp_path)
    assert len(str(refused.value).splitlines()) == 1


def test_a_kernel_of_one_frame_codes_every_frame_by_itself():
    config = CausalVAEConfig(2, (1, 2, 2), (4, 4), (1, 1), (1, 1), 1, 1)
    codec, frames = random_codec(config), random_clip(6)
    whole = codec(frames)
    alone = torch.cat([codec(frame) for frame in frames.split(1, dim=2)], dim=2)
    torch.testing.assert_close(whole, alone, **EXACT)


@pytest.mark.parametrize(
    "config",
    [SMALL, replace(SMALL, refiner_width=0),
     CausalVAEConfig(2, (2, 2, 1), (4, 4, 4), (1, 0, 2), (3, 1, 0)),
     CausalVAEConfig(2, (1, 4, 4), (4,), (0,), (2,))],
)  # fmt: skip
def test_nothing_beyond_its_reach_changes_a_latent_or_a_pixel(config):
    codec = random_codec(config)
    (near, back), (_, p, _) = codec.reach, codec.factors
    frames = random_clip(1, (17 * p, codec.factors[2]), seed=1)
    changed = frames.clone()
    changed[..., 8 * p : 9 * p, :] *= -1
    difference = (codec.encode(frames) - codec.encode(changed)).abs().amax((0, 1, 2, 4))
    touched = difference.nonzero().flatten()
    assert 8 - near <= touched.min() and touched.max() <= 8 + near and len(touched) > 2 * near - 2
    latents = torch.randn(1, config.channels, 1, 17, 1)
    changed = latents.clone()
    changed[..., 8, :] *= -1
    difference = (codec.decode(latents) - codec.decode(changed)).abs().amax((0, 1, 2, 4))
    touched = difference.nonzero().flatten()
    assert (8 - back) * p <= touched.min() and touched.max() < (9 + back) * p


def test_corrupt_weights_are_refused(tmp_path):
    CODEC.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="CausalVAE"):
        CausalVAE.from_pretrained(tmp_path)


def test_latents_of_another_codec_are_refused():
    with pytest.raises(UserError, match=r"\(batch, 3, frames"):
        CODEC.decode(torch.zeros(1, 4, 2, 2, 2))


@pytest.mark.parametrize(
    "config",
    [
        {"widths": (8, 8, 8)},
        {"channels": 0},
        {"fold": (4, 4)},
        {"widths": ()},
        {"widths": (), "encoder_depth": (), "decoder_depth": ()},
        {"encoder_depth": (1, -1)},
        {"decoder_kernel": 0},
        {"fold": (1, 1, 1), "widths": (8,), "encoder_depth": (1,), "decoder_depth": (1,)},
        {"channels": "eight"},
        {"channels": (8,)},
        {"widths": (8.5, 8)},
        {"fold": 4},
        {"refiner_width": -1},
    ],
)
def test_impossible_configurations_are_refused(config):
    with pytest.raises(UserError):
        CausalVAEConfig(**config)


def test_more_than_the_stream_holds_is_refused():
    latents = CODEC.encode(random_clip(5))
    with pytest.raises(UserError, match="5 frames"):
        list(CODEC.decode_stream([latents], num_frames=6))


def test_a_new_refiner_changes_nothing():
    torch.manual_seed(0)
    refined, frames = CausalVAE(SMALL), random_clip(6)
    plain = CausalVAE(replace(SMALL, refiner_width=0))
    plain.load_state_dict(refined.state_dict(), strict=False)
    assert torch.equal(refined(frames), plain(frames))


@pytest.mark.parametrize(
    "name", ["tabletop/codec", "tabletop-codec-8", "tabletop-codec-per-frame", "physics-codec"]
)
def test_the_promises_hold_on_weights_that_ship(name):
    codec = CausalVAE.from_pretrained(Path(kinema.__file__).parent / "models" / name).eval()
    frames = 0.3 * random_clip(12, (16, 24)).clamp(-3, 3)
    latents = codec.encode(frames)
    decoded = codec.decode(latents, 12)
    pieces = torch.cat(list(codec.encode_stream(frames.split([1, 6, 5], dim=2))), dim=2)
    torch.testing.assert_close(pieces, latents, **EXACT)
    pieces = torch.cat(list(codec.decode_stream(latents.split(1, dim=2), 12)), dim=2)
    torch.testing.assert_close(pieces, decoded, **EXACT)
    torch.testing.assert_close(codec.encode(frames[:, :, :1]), latents[:, :, :1], **EXACT)
    changed = frames.clone()
    changed[:, :, 9:] = 0
    past = codec.latent_shape(9, 16, 24)[1]
    torch.testing.assert_close(codec.encode(changed)[:, :, :past], latents[:, :, :past], **EXACT)
    for count in range(1, 8):
        assert codec(frames[:, :, :count]).shape == (1, 3, count, 16, 24)


CLOSE = {"atol": 1e-4, "rtol": 1e-4}  # sums over up to 2,304 features, of size 10


@pytest.mark.parametrize("name", ["8x8x4", "16x16x4", "32x32x8"])
def test_a_layout_has_the_factors_of_its_name(name):
    rows, columns, frames = (int(n) for n in name.split("x"))
    assert LAYOUTS[name].factors == (frames, rows, columns)


@pytest.mark.parametrize("name", ["16x16x4", "32x32x8", "per-frame", "temporal-decoder"])
def test_every_layout_keeps_the_promises(name):
    torch.manual_seed(0)
    codec = CausalVAE(LAYOUTS[name]).requires_grad_(False)
    for weight in codec.parameters():
        torch.nn.init.normal_(weight, std=0.7 * max(1, weight[0].numel()) ** -0.5)
    frames = torch.rand(1, 3, 10, 33, 19) * 2 - 1
    latents = codec.encode(frames)
    assert latents.shape[1:] == codec.latent_shape(10, 33, 19)
    torch.testing.assert_close(codec.encode(frames[:, :, :1]), latents[:, :, :1], **CLOSE)
    decoded = codec.decode(latents, 10, (33, 19))
    assert decoded.shape == frames.shape
    parts = codec.decode_stream(codec.encode_stream(frames.split(3, dim=2)), 10, (33, 19))
    torch.testing.assert_close(torch.cat(list(parts), dim=2), decoded, **CLOSE)


@pytest.mark.parametrize("channels", [4, 8, 16])
def test_any_number_of_channels_starts_as_a_codec(channels):
    codec = CausalVAE(replace(LAYOUTS["8x8x4"], channels=channels, widths=(8, 8)))
    flat = torch.full((1, 3, 5, 16, 16), 0.3)
    with torch.no_grad():
        assert codec.encode(flat).shape == (1, channels, 2, 2, 2)
        torch.testing.assert_close(codec(flat), flat, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["per-frame", "temporal-decoder"])
def test_baselines_spend_as_many_values_as_the_codec(name):
    """In long clips; in short ones the codec's first latent frame holds a single picture."""
    baseline, codec = LAYOUTS[name], LAYOUTS["8x8x4"]
    assert baseline.channels * codec.factors[0] == codec.channels
    assert baseline.factors == (1, 8, 8)


def test_a_frame_of_the_per_frame_codec_knows_of_no_other():
    assert (LAYOUTS["per-frame"].encoder_kernel, LAYOUTS["per-frame"].decoder_kernel) == (1, 1)
    decoder_over_time = LAYOUTS["temporal-decoder"]
    assert (decoder_over_time.encoder_kernel, decoder_over_time.decoder_kernel) == (1, 3)
