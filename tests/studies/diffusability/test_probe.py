import math

import numpy as np
import pytest

from kinema.errors import UserError
from kinema.metrics.features.distances import FEATURES
from studies import diffusability
from studies.diffusability import Study, examine
from studies.diffusability.probe import CODED, MADE, NOISE, PIXELS


@pytest.fixture(scope="module")
def findings(codecs, study):
    return examine(codecs, study)


def test_every_codec_has_its_ceiling_and_its_baseline(findings, codecs):
    rows = [(name, kind) for name in codecs for kind in (MADE, CODED, NOISE)]
    assert list(findings.prompts) == rows
    assert all(list(findings.distance[kind]) == rows for kind in FEATURES)
    assert [findings.prompts[row].total for row in rows[:3]] == [32, 16, 16]  # two seeds
    near, far = (findings.distance["appearance"][codecs[0], k][0].value for k in (CODED, NOISE))
    assert near < far
    assert all(len(losses) == 2 and min(losses) > 0 for losses in findings.held_out.values())


def test_latents_stand_beside_pixels(findings, codecs):
    assert list(findings.spectra) == [PIXELS, *codecs]
    assert findings.spectra[PIXELS].space.shape == (16, 32)
    assert findings.spectra[codecs[1]].space.shape == (16, 4)
    assert findings.spectra[PIXELS].slopes()[0] < -1  # a picture, not noise
    assert math.isnan(findings.spectra[codecs[0]].slopes()[1])  # two latent frames have no slope
    assert all(0 <= np.min(share) <= 1 for share in findings.spectra[codecs[0]].shares())


def test_mistakes_are_told_before_anything_is_done(codecs, tmp_path):
    with pytest.raises(UserError, match="named twice"):
        diffusability.run(Study(tmp_path, files=[codecs[0]] * 2))
    with pytest.raises(UserError, match="no denoiser 'dit-tinny'"):
        diffusability.run(Study(tmp_path, size="tinny", files=codecs))
    with pytest.raises(UserError, match="nowhere"):
        diffusability.run(Study(tmp_path, files=[str(tmp_path / "nowhere")]))
