from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kinema.blocks.attention import Causal, Factorized, Full
from kinema.blocks.mixers import Attention
from kinema.cli import main
from kinema.codecs import Pixels
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.probes.attention.probe import (
    AttentionProbe,
    SubjectAttention,
    measure_attention,
)
from kinema.probes.attention.report import report_of


def attention_at(places, target):
    """All attention of every frame falls, in every frame, on the token that `target` names."""
    f = len(places)
    maps = np.zeros((1, 1, f, f, 4, 4))
    for i in range(f):
        for j in range(f):
            maps[0, 0, i, j, *target(i, j)] = 1 / f
    return SubjectAttention(maps, places)


def track_and_old(attention):
    figures = attention.figures()
    return [figures[name].item() for name in ("on_track", "old_place")]


PLACES = np.array([[1, 0], [1, 1], [1, 2], [1, 3]])


def test_a_gaze_that_follows_scores_all_tokens_and_one_that_stays_scores_none():
    follows = attention_at(PLACES, lambda i, j: PLACES[j])
    assert track_and_old(follows) == [16, 0]
    stays = attention_at(PLACES, lambda i, j: PLACES[i])
    assert track_and_old(stays) == [0, 16]
    assert follows.figures()["by_lag"].tolist() == [16, 16, 16]
    assert follows.figures()["to_other_frames"].item() == pytest.approx(3 / 4)


def test_a_uniform_gaze_scores_one_and_resting_pairs_do_not_count():
    maps = np.full((1, 1, 4, 4, 4, 4), 1 / 64)
    assert track_and_old(SubjectAttention(maps, PLACES)) == pytest.approx([1, 1])
    resting = np.array([[1, 0], [1, 0], [1, 0], [1, 1]])
    assert np.isfinite(SubjectAttention(maps, resting).figures()["by_lag"]).all()
    assert np.isnan(SubjectAttention(maps[:, :, :3, :3], resting[:3]).figures()["by_lag"]).all()


def pipe(**options):
    torch.manual_seed(0)
    network = DiT(
        DiTConfig(channels=3, dim=32, depth=2, num_heads=2, patch=(1, 8, 8), text_dim=0, **options)
    )
    system = SimpleNamespace(num_frames=5, fps=2.5, path="linear")
    return SimpleNamespace(
        denoiser=network, codec=Pixels(), text=None, system=system, device=torch.device("cpu")
    )


@pytest.mark.parametrize("attention", [Full(), Causal()])
def test_an_untrained_network_looks_everywhere_alike(tmp_path, attention):
    probe = AttentionProbe(num_clips=2, size=32)
    findings = measure_attention(probe, pipe(attention=attention))
    assert findings.on_track.shape == (2, 2, 2)
    assert 0.5 < findings.on_track.mean() < 2 and 0.5 < findings.untrained.mean() < 2
    for found in findings.attentions:
        np.testing.assert_allclose(found.maps.sum((-1, -2, -3)), 1, rtol=1e-5)
        if attention.causal:
            assert found.maps[:, :, 0, 1:].max() == 0
    page, picture = report_of(findings).write(tmp_path / "maps.md")
    assert (page.name, picture.name) == ("maps.md", "maps.png")
    assert "over 2 clips" in page.read_text() and picture.stat().st_size > 1000


def test_the_floor_knows_nothing_of_the_training():
    probe, trained = AttentionProbe(num_clips=2, size=32), pipe()
    for name, parameter in trained.denoiser.named_parameters():
        if name.endswith("gain"):
            parameter.data.fill_(3)
    floor = measure_attention(probe, trained).untrained
    np.testing.assert_array_equal(floor, measure_attention(probe, pipe()).untrained)


def test_every_clip_has_noise_of_its_own():
    asked, seen = pipe(), []
    asked.denoiser.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    measure_attention(AttentionProbe(num_clips=2, size=32, noise=1.0), asked)
    first, second = seen
    assert not torch.equal(first, second)


def test_the_attention_of_a_mixer_is_not_that_of_the_layers():
    findings = measure_attention(AttentionProbe(num_clips=2, size=32), pipe(mixer=Attention()))
    assert findings.on_track.shape == (2, 2, 2)


def test_a_network_without_spacetime_attention_is_told():
    with pytest.raises(UserError, match="spacetime attention"):
        measure_attention(AttentionProbe(num_clips=2), pipe(attention=Factorized()))


def test_wrong_numbers_are_one_sentence(capsys):
    assert main(["probe", "attention", "--noise", "0"]) == 2
    assert "--noise is 0.0, and must be more than 0 and at most 1." in " ".join(
        capsys.readouterr().err.split()
    )
