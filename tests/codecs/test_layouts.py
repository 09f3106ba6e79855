from dataclasses import replace

import pytest
import torch

from kinema.codecs import LAYOUTS, CausalVAE

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
