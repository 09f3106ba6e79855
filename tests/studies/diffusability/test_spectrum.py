import math

import numpy as np
import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig, Pixels
from kinema.codecs.stages import cosines
from studies.diffusability.spectrum import (
    AS_IT_IS,
    HEIGHT,
    TIME,
    WIDTH,
    inequivariance,
    slope,
    spatial_spectrum,
    spectrum,
    upper_share,
)


@pytest.mark.parametrize("axis", [TIME, HEIGHT, WIDTH])
def test_one_cosine_is_one_frequency(axis):
    wave = cosines(8)[3]
    shape = [1, 2, 4, 4, 4]
    shape[axis] = 8
    values = wave.view([8 if a == axis else 1 for a in range(5)]).expand(shape)
    energy = spectrum(values, axis)
    assert energy.shape == (1, 8) and energy[0, 3] == pytest.approx(1)
    np.testing.assert_allclose(np.delete(energy[0], 3), 0, atol=1e-12)


def test_no_energy_is_lost():
    values = torch.randn(2, 3, 5, 6, 6, generator=torch.Generator().manual_seed(0))
    total = values.square().sum((1, 2, 3, 4)) / (3 * 5 * 6)
    np.testing.assert_allclose(spatial_spectrum(values).sum(1), total, rtol=1e-5)


def test_a_power_law_has_its_slope_and_white_noise_none():
    frequency = np.arange(16).clip(1)
    assert slope(frequency**-2.0) == pytest.approx(-2)
    white = torch.randn(8, 4, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    assert slope(spectrum(white, TIME)) == pytest.approx(0, abs=0.02)
    np.testing.assert_allclose(upper_share(spectrum(white, TIME)), 8 / 15, atol=0.03)
    assert math.isnan(slope(np.ones(3)))


def test_the_mean_counts_in_no_half():
    assert upper_share(np.array([[100.0, 3.0, 1.0, 0.0]])) == pytest.approx(0.25)


def test_pixels_are_equivariant_where_nothing_is_lost():
    frames = torch.rand(3, 3, 5, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = inequivariance(Pixels(), frames, batch_size=2)
    assert set(found) == {AS_IT_IS, "scale", "turn", "speed"}
    assert all(len(errors) == 3 and max(errors) < 1e-5 for errors in found.values())


def test_a_codec_errs_more_on_transformed_latents_than_as_it_is():
    torch.manual_seed(0)
    config = CausalVAEConfig(widths=(8, 8), encoder_depth=(0, 0), decoder_depth=(0, 0))
    found = inequivariance(CausalVAE(config).eval(), torch.rand(1, 3, 9, 16, 16) * 2 - 1)
    assert found["turn"][0] >= found[AS_IT_IS][0] > 0
