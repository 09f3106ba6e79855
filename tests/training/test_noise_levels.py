import pytest
import torch

from kinema.errors import UserError
from kinema.training.noise_levels import NoiseLevels


def test_noise_levels_hold_every_pattern():
    torch.manual_seed(0)
    t = NoiseLevels(together=0.4, given=0.3, per_frame=0.3).mixture().draw(400, 5)
    together = (t == t[:, :1]).all(dim=1)
    given = (t[:, 0] == 0) & ~together
    assert 130 < together.sum() < 190 and 90 < given.sum() < 150


def test_between_the_fewest_and_the_most_frames_are_given():
    torch.manual_seed(0)
    levels = NoiseLevels(together=0, given=1, per_frame=0, min_given=2, max_given=4)
    counts = (levels.mixture().draw(400, 8) == 0).sum(1)
    assert set(counts.tolist()) == {2, 3, 4}


def test_every_other_clip_with_given_frames_has_them_noised():
    torch.manual_seed(0)
    levels = NoiseLevels(together=0, given=1, per_frame=0, max_given=1, context_noise=0.3)
    first = levels.mixture().draw(1000, 4)[:, 0]
    assert 430 < (first == 0).sum() < 570 and 0.25 < first.max() <= 0.3


def test_the_mean_the_spread_and_the_shift_are_those_of_the_levels():
    torch.manual_seed(0)
    only = {"together": 1.0, "given": 0.0, "per_frame": 0.0}
    t = NoiseLevels(**only, mean=-2.0, std=0.1, shift=1.0).mixture().draw(200, 3)
    assert t.logit().mean().item() == pytest.approx(-2, abs=0.05)
    assert t.logit().std().item() == pytest.approx(0.1, abs=0.02)
    shifted = NoiseLevels(**only, mean=0.0, std=0.01, shift=3.0).mixture().draw(50, 3)
    assert shifted.mean().item() == pytest.approx(0.75, abs=0.01)  # 3 t / (1 + 2 t) of one half


def test_key_frames_and_staircases_are_drawn_when_they_have_a_share():
    only = {"together": 0.0, "given": 0.0, "per_frame": 0.0}
    keys = NoiseLevels(**only, interpolation=1.0).mixture().draw(50, 6)
    assert (keys[:, [0, 4, 5]] == 0).all() and (keys[:, 1:4] > 0).all()
    stairs = NoiseLevels(**only, staircase=1.0).mixture().draw(50, 6)
    assert (stairs.diff() >= 0).all() and (stairs[:, -1] - stairs[:, 0]).max() > 0.9


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"together": -0.1}, "none below 0"),
        ({"given": float("nan")}, "none below 0"),
        ({"together": 0.0, "given": 0.0, "per_frame": 0.0}, "not all 0"),
        ({"min_given": 0}, "`noise.min_given` is 0"),
        ({"min_given": 4}, "max_given is not the smaller"),
    ],
)
def test_levels_that_make_no_sense_are_refused(wrong, told):
    with pytest.raises(UserError, match=told):
        NoiseLevels(**wrong)
