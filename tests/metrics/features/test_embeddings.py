import numpy as np
import pytest

from kinema.metrics.features.embeddings import (
    drift_interval,
    embedding_drift,
    prompt_drift,
    subject_consistency,
    text_alignment,
    text_margin,
)


def on_circle(degrees):
    """Unit vectors at angles: their cosines are known."""
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


PROMPT = on_circle(0.0)


def test_alignment_is_the_mean_cosine():
    score = text_alignment(on_circle([60.0, 90.0, 120.0]), PROMPT)
    np.testing.assert_allclose(score.curve, [0.5, 0, -0.5], atol=1e-12)
    assert float(score) == pytest.approx(0)


def test_margin_is_above_the_other_prompts():
    score = text_margin(on_circle([0.0, 0.0]), PROMPT, on_circle([60.0, 90.0]))
    assert float(score) == pytest.approx(1 - 0.25)


def test_a_clip_that_forgets_its_prompt_drifts_down():
    curve = np.linspace(0.9, 0.3, 20)
    images = on_circle(np.rad2deg(np.arccos(curve)))
    assert float(prompt_drift(images, PROMPT)) == pytest.approx(-0.6)
    assert float(prompt_drift(images[:1], PROMPT)) == 0
    noisy = curve + 0.05 * np.random.default_rng(0).standard_normal(20)
    images = on_circle(np.rad2deg(np.arccos(noisy)))
    low, high = drift_interval(images, PROMPT)
    assert low < float(prompt_drift(images, PROMPT)) < high < 0
    assert drift_interval(images[:7], PROMPT) == (-2, 2)  # too short to say


def test_the_interval_of_a_steady_clip_covers_zero_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        curve = 0.3 + 0.05 * np.random.default_rng(seed).standard_normal(32)
        images = on_circle(np.rad2deg(np.arccos(curve)))
        low, high = drift_interval(images, PROMPT, num_resamples=100)
        covered += low <= 0 <= high
    assert covered >= 46  # 95 % of 60 is 57; blocks of residuals are a little narrow


def test_consistency_looks_back_and_to_the_first():
    score = subject_consistency(on_circle([0.0, 60.0, 60.0]))
    np.testing.assert_allclose(score.curve[1:], [0.5, 0.75])
    assert float(subject_consistency(on_circle([10.0]))) == 1


def test_drift_is_that_of_the_ends():
    assert float(embedding_drift(on_circle([20.0] * 5))) == pytest.approx(0)
    score = embedding_drift(on_circle([0.0, 0.0, 30.0, 30.0, 60.0, 60.0, 90.0, 90.0]))
    assert float(score) == pytest.approx(1)
    np.testing.assert_allclose(score.curve[[0, 4]], [0, 0.5], atol=1e-12)
