import pytest
import torch

from kinema.diffusion import PATHS, PREDICTIONS
from kinema.sampling import (
    adaptive_projected,
    autoguidance,
    cfg_zero_star,
    classifier_free,
    history_guidance,
    noised_alike,
    noised_history,
    per_condition,
)

LINEAR = PATHS["linear"]
SHAPE = (2, 3, 4, 4, 4)
X, COND, UNCOND, NOISE = torch.randn(
    4, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
T = torch.tensor([[0.0, 0.3, 0.6, 1.0]] * 2, dtype=torch.float64)
FRAME = (1, 3, 4)


def kept(x0):
    """A denoiser that returns x0, and x in the given frames."""
    return lambda x, t: torch.where((t == 0)[:, None, :, None, None], x, x0)


cond, uncond = kept(COND), kept(UNCOND)


def never(x, t):
    raise AssertionError("called although it is not needed")


def assert_given_frame_is_kept(x0):
    assert (x0[:, :, 0] == X[:, :, 0]).all()


def test_classifier_free():
    x0 = classifier_free(cond, uncond, 3.0)(X, T)
    torch.testing.assert_close(x0[:, :, 1:], (UNCOND + 3 * (COND - UNCOND))[:, :, 1:])
    assert_given_frame_is_kept(x0)
    assert classifier_free(cond, never, 1.0) is cond


def test_guiding_x0_is_guiding_the_velocity():
    t, velocity = T.clamp(min=0.1), PREDICTIONS["velocity"]
    v_cond, v_uncond = (velocity.from_x0(LINEAR, x0, X, t) for x0 in (COND, UNCOND))
    expected = velocity.to_x0(LINEAR, v_uncond + 3 * (v_cond - v_uncond), X, t)
    torch.testing.assert_close(classifier_free(cond, uncond, 3.0)(X, t), expected)


def test_interval_is_kept_frame_by_frame_and_saves_the_second_call():
    x0 = classifier_free(cond, uncond, 3.0, interval=(0.5, 0.9))(X, T)
    assert (x0[:, :, 1] == COND[:, :, 1]).all() and (x0[:, :, 3] == COND[:, :, 3]).all()
    torch.testing.assert_close(x0[:, :, 2], (3 * COND - 2 * UNCOND)[:, :, 2])
    outside = classifier_free(cond, never, 3.0, interval=(0.1, 0.2))(X, T)
    assert (outside == cond(X, T)).all()


def test_rescale_restores_the_contrast_of_each_frame():
    plain, half, full = (
        classifier_free(cond, uncond, 5.0, rescale=r)(X, T)[:, :, 1:].std(FRAME)
        for r in (0.0, 0.5, 1.0)
    )
    expected = COND[:, :, 1:].std(FRAME)
    torch.testing.assert_close(full, expected)
    torch.testing.assert_close(half, (plain + expected) / 2)


def test_a_scale_for_each_condition():
    both = torch.randn_like(COND)
    x0 = per_condition([uncond, cond, kept(both)], [1.5, 4.0])(X, T)
    expected = UNCOND + 1.5 * (COND - UNCOND) + 4.0 * (both - COND)
    torch.testing.assert_close(x0[:, :, 1:], expected[:, :, 1:])
    assert_given_frame_is_kept(x0)
    one = per_condition([uncond, cond], [3.0])(X, T)
    torch.testing.assert_close(one, classifier_free(cond, uncond, 3.0)(X, T))


def test_autoguidance_extrapolates_from_bad_to_good():
    x0 = autoguidance(cond, uncond, 2.0)(X, T)
    torch.testing.assert_close(x0[:, :, 1:], (2 * COND - UNCOND)[:, :, 1:])


def test_cfg_zero_star_starts_with_no_velocity():
    x0 = cfg_zero_star(cond, uncond, 3.0, LINEAR)(X, T)
    torch.testing.assert_close(x0[:, :, 3], X[:, :, 3])  # at t = 1: velocity 0 leaves x as it is
    assert_given_frame_is_kept(x0)


def test_cfg_zero_star_scales_the_unconditional_velocity_to_the_nearest():
    velocity, t = PREDICTIONS["velocity"], T.clamp(0.1, 0.9)
    guided = velocity.from_x0(LINEAR, cfg_zero_star(cond, uncond, 3.0, LINEAR)(X, t), X, t)
    v_cond, v_uncond = (velocity.from_x0(LINEAR, x0, X, t) for x0 in (COND, UNCOND))
    base = (3 * v_cond - guided) / 2  # guided = base + 3 (cond - base)
    residual = v_cond - base
    torch.testing.assert_close((residual * v_uncond).sum(FRAME), torch.zeros(2, 4).double())
    ratio = base / v_uncond  # one factor for all values of a frame
    torch.testing.assert_close(ratio, ratio.mean(FRAME, keepdim=True).expand_as(ratio))


def test_cfg_zero_star_is_plain_guidance_where_uncond_is_already_nearest():
    t = T.clamp(0.1, 0.9)
    guided = cfg_zero_star(cond, cond, 7.0, LINEAR)(X, t)
    torch.testing.assert_close(guided, COND)


def test_apg_without_projection_is_classifier_free():
    x0 = adaptive_projected(cond, uncond, 3.0, eta=1.0)(X, T)
    torch.testing.assert_close(x0, classifier_free(cond, uncond, 3.0)(X, T))


def test_apg_updates_across_the_conditional_and_within_its_norm():
    update = adaptive_projected(cond, uncond, 2.0)(X, T)[:, :, 1:] - COND[:, :, 1:]
    along = (update * COND[:, :, 1:]).sum(FRAME)
    torch.testing.assert_close(along, torch.zeros_like(along))
    short = adaptive_projected(cond, uncond, 2.0, eta=1.0, max_norm=0.5)(X, T) - cond(X, T)
    norm = short[:, :, 1:].square().sum(FRAME).sqrt()
    torch.testing.assert_close(norm, torch.full_like(norm, 0.5))


def test_guidance_may_differ_from_frame_to_frame():
    scale = torch.tensor([1.0, 1.0, 2.0, 3.0], dtype=torch.float64).view(1, 1, 4, 1, 1)
    x0 = classifier_free(cond, uncond, scale)(X, T)
    torch.testing.assert_close(x0[:, :, 1:], (UNCOND + scale * (COND - UNCOND))[:, :, 1:])


def test_noised_alike_shows_given_frames_as_noisy_as_the_others():
    seen = []
    t = torch.tensor([[0.0, 0.6, 0.6, 0.0], [0.0, 0.2, 0.2, 0.2]], dtype=torch.float64)
    x0 = noised_alike(lambda x, t: seen.extend([x, t]) or COND, LINEAR, lambda x: NOISE)(X, t)
    x, times = seen
    assert (times == times[:, 1:2]).all() and times[:, 1].tolist() == [0.6, 0.2]
    torch.testing.assert_close(x[0, :, 0], (0.4 * X + 0.6 * NOISE)[0, :, 0])
    assert torch.equal(x[1, :, 1:], X[1, :, 1:])
    assert torch.equal(x0[0, :, 0], X[0, :, 0]) and torch.equal(x0[0, :, 3], X[0, :, 3])
    assert torch.equal(x0[1, :, 1:], COND[1, :, 1:])


def test_noised_history_shows_given_frames_noised_and_says_so():
    seen = []
    denoise = noised_history(lambda x, t: seen.extend([x, t]) or COND, LINEAR, NOISE, 0.25)
    x0 = denoise(X, T)
    torch.testing.assert_close(seen[0][:, :, 0], 0.75 * X[:, :, 0] + 0.25 * NOISE[:, :, 0])
    assert (seen[0][:, :, 1:] == X[:, :, 1:]).all()
    assert seen[1].tolist() == [[0.25, 0.3, 0.6, 1.0]] * 2
    assert_given_frame_is_kept(x0)
    assert (x0[:, :, 1:] == COND[:, :, 1:]).all()


def test_history_guidance_moves_away_from_the_model_that_does_not_see_it():
    def follows_the_first_frame(x, t):
        return x[:, :, :1].expand_as(x)

    x0 = history_guidance(follows_the_first_frame, LINEAR, NOISE, scale=2.0)(X, T)
    expected = 2 * X[:, :, :1] - NOISE[:, :, :1]
    torch.testing.assert_close(x0[:, :, 1:], expected.expand_as(X)[:, :, 1:])
    assert_given_frame_is_kept(x0)


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_guidance_nests(scale):
    guided = classifier_free(cond, uncond, 2.0)
    nested = history_guidance(guided, LINEAR, NOISE, scale)
    torch.testing.assert_close(nested(X, T), guided(X, T))  # a model that ignores its history
