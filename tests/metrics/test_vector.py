"""Every score of the vector, and which way it moves when its fault is planted."""

from functools import cache

import cv2
import numpy as np
import pytest

from kinema.metrics.evidence import Score
from kinema.metrics.vector import CONSISTENCY, METRICS, WORST, measure


def test_every_score_is_finite_and_has_a_curve_over_the_frames(pan, still, measured):
    for frames in (pan, still, pan[:1], pan[:2], pan[:5], np.zeros((6, 16, 20, 3), np.uint8)):
        scores = measured(frames)
        assert scores.keys() == METRICS.keys()
        for name, score in scores.items():
            assert isinstance(score, Score)
            assert np.isfinite(score.value) or name in {"strain", "trail"}, name
            assert score.curve.shape == (len(frames),), name


def test_one_vector_a_clip(pan, measured):
    first, second = measured(pan), measure(pan.copy())
    assert {n: s.value for n, s in first.items()} == {n: s.value for n, s in second.items()}


def test_groups_name_scores_that_exist():
    assert {name for names in CONSISTENCY.values() for name in names} <= METRICS.keys()
    assert METRICS.keys() >= WORST


# ---- planted faults -------------------------------------------------------------------------

TIMES = np.arange(16)
Y, X = np.mgrid[:96, :96].astype(np.float32)


def noisy(pan):
    return pan + 8 * np.random.default_rng(0).standard_normal(pan.shape)


def drowns_in_noise(pan):
    return 0.3 * pan + 40 * np.random.default_rng(0).standard_normal(pan.shape)


def gain_alternates(pan):
    return 0.7 * pan * (1 + 0.06 * (TIMES % 2))[:, None, None, None]


def light_swells(pan):
    return 0.7 * pan * (1 + 0.1 * np.sin(2 * np.pi * TIMES / 8))[:, None, None, None]


def light_fades(pan):
    return pan * np.linspace(1, 0.7, 16)[:, None, None, None]


def half_fades(pan):
    out = light_fades(pan)
    out[:, :, :48] = pan[:, :, :48]
    return out


def texture_boils(pan):
    rng = np.random.default_rng(0)
    patches = cv2.resize(rng.standard_normal((12, 12, 16)), (96, 96)).transpose(2, 0, 1)
    return pan + 15 * patches[..., None]


def freezes(pan):
    return pan[np.minimum(TIMES, 2)]


def stutters(pan):
    return pan[TIMES // 2 * 2]


def loops(pan):
    return pan[TIMES % 5]


def is_shuffled(pan):
    return pan[np.random.default_rng(0).permutation(16)]


def shakes(pan):
    return np.stack([np.roll(frame, 2 * (t % 2), axis=0) for t, frame in enumerate(pan)])


def swims(pan):
    wave = 1.5 * np.sin(2 * np.pi * X / 32).astype(np.float32)
    return np.stack([remapped(frame, (-1) ** t * wave) for t, frame in enumerate(pan)])


def melts(pan):
    rng = np.random.default_rng(0)
    field = cv2.resize(rng.standard_normal((6, 6)).astype(np.float32), (96, 96))
    return np.stack([remapped(frame, 0.5 * t * field) for t, frame in enumerate(pan)])


def jumps(pan):
    out = pan.copy()
    for t, frame in enumerate(out):
        row, column = (20, 10 + t) if t < 8 else (60, 50 + t)
        frame[row : row + 24, column : column + 24] = (230, 40, 40)
    return out


def is_cut(pan):
    return np.concatenate([pan[:8], (255 - pan[8:])[..., ::-1] // 2])


def changes_color(pan):
    share = np.linspace(0, 1, 16)[:, None, None, None]
    turned = pan[..., [1, 2, 0]] * np.array([1.3, 0.8, 0.5])
    out = pan * (1 - share) + turned * share
    out[:, :, 48:] = pan[:, :, 48:]
    return out


def blurs_more(pan):
    return np.stack([cv2.GaussianBlur(f, (0, 0), 0.2 + 0.15 * t) for t, f in enumerate(pan)])


def leaves_ghosts(pan):
    return np.stack([pan[max(0, t - 3) : t + 4].mean(0) for t in TIMES])


def remapped(frame, rows):
    return cv2.remap(frame, X, Y + rows, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)


# score -> the fault, by how much it must at least rise (or fall, below 0), and what it then is
PLANTED = {
    "motion": (freezes, -0.5, 0.0),
    "change": (freezes, -5.0, 28.25),
    "still_share": (freezes, 0.5, 0.875),
    "held_share": (stutters, 0.3, 0.5333),
    "repeat_share": (stutters, 0.3, 0.5333),
    "duplicate_share": (stutters, 0.4, 0.5333),
    "judder": (stutters, 0.5, 1.944),
    "loop": (loops, 0.5, 1.0),
    "flicker": (noisy, 0.1, 0.529),
    "texture_flicker": (texture_boils, 0.1, 0.9254),
    "noise": (noisy, 3.0, 5.252),
    "fast_share": (noisy, 0.003, 0.01331),
    "gain_flicker": (gain_alternates, 4.0, 5.715),
    "luma_flicker": (gain_alternates, 4.0, 5.753),
    "pumping": (light_swells, 4.0, 6.430),
    "light_drift": (light_fades, 20.0, 31.93),
    "shake": (shakes, 1.0, 2.107),
    "swimming": (swims, 0.5, 1.339),
    "acceleration": (shakes, 0.5, 1.723),
    "continuity": (shakes, -0.3, -0.6194),
    "agreement": (drowns_in_noise, -0.2, 0.6681),
    "disorder": (is_shuffled, 0.3, 0.9696),
    "jump": (jumps, 1.0, 3.561),
    "leap": (jumps, 1.0, 3.524),
    "cut": (is_cut, 0.9, 1.278),
    "histogram_drift": (changes_color, 0.1, 0.39),
    "tracked_drift": (changes_color, 3.0, 56.63),
    "lost_share": (drowns_in_noise, 0.5, 1.0),
    "steady_drift": (changes_color, 2.0, 45.55),
    "background_change": (half_fades, 3.0, 27.82),
    "strain": (melts, 0.1, 0.3158),
    "detail": (blurs_more, -0.5, 4.663),
    "crispness": (blurs_more, -0.5, -4.944),
    "trail": (leaves_ghosts, 1.0, 1.254),
    "blur_growth": (blurs_more, 1.0, 2.09),
    "detail_loss": (blurs_more, 1.0, 4.48),
}


def test_every_score_has_its_planted_fault():
    assert PLANTED.keys() == METRICS.keys()


@pytest.fixture(scope="module")
def scores_of(pan, measured):
    @cache
    def scores(fault):
        return measured(np.round(fault(pan)).clip(0, 255).astype(np.uint8))

    return scores


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_moves_its_score_the_right_way(scores_of, name):
    fault, least, _ = PLANTED[name]
    change = scores_of(fault)[name].value - scores_of(np.copy)[name].value
    assert np.sign(least) * change >= abs(least), change


@pytest.mark.parametrize("name", PLANTED)
def test_a_score_never_changes(scores_of, name):
    """Clips are compared with the numbers of old reports, and faults with fixed thresholds."""
    fault, _, value = PLANTED[name]
    score = scores_of(fault)[name]
    assert score.value == pytest.approx(value, rel=0.02)
