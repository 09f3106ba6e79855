import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.sampling import plans

MAKERS = {
    "together": lambda n, f: plans.together(n, f),
    "shifted": lambda n, f: plans.together(plans.times(n, shift=5.0), f),
    "karras": lambda n, f: plans.together(plans.karras(PATHS["linear"], n), f),
    "given": lambda n, f: plans.given_frames(n, f, 1),
    "continuation": lambda n, f: plans.given_frames(n, f, f - 1),
    "pyramid": lambda n, f: plans.staircase(n, f, delay=1),
    "autoregressive": lambda n, f: plans.staircase(n, f, delay=n, chunk=2, given=1),
    "strength": lambda n, f: plans.together(plans.times(n, strength=0.4), f),
}


@pytest.mark.parametrize("maker", MAKERS)
@given(num_steps=st.integers(1, 20), num_frames=st.integers(2, 12))
@settings(max_examples=25, deadline=None)
def test_times_fall_to_clean(maker, num_steps, num_frames):
    plan = MAKERS[maker](num_steps, num_frames)
    assert plan.dtype == torch.float64 and plan.shape[1] == num_frames
    assert (plan.diff(dim=0) <= 0).all() and (plan[-1] == 0).all()
    assert plan.min() >= 0 and plan.max() <= 1
    assert (plan.diff(dim=0) < 0).any(1).all()


def test_equal_steps_and_shift():
    assert plans.times(4).tolist() == [1, 0.75, 0.5, 0.25, 0]
    torch.testing.assert_close(plans.times(2, shift=3.0)[1].item(), 0.75)


def test_which_frames_are_given():
    def given(plan):
        return (plan == 0).all(0).nonzero().flatten().tolist()

    assert given(plans.together(4, 6)) == []
    assert given(plans.given_frames(4, 6)) == [0]
    assert given(plans.given_frames(4, 6, [1, 4])) == [1, 4]
    assert given(plans.given_frames(4, 6, 3)) == [0, 1, 2]
    assert given(plans.staircase(4, 6, given=2)) == [0, 1]


def test_staircase_delays_each_chunk():
    levels = [1, 0.5, 0]
    plan = plans.staircase(2, 5, delay=1, chunk=2)
    assert plan[:, 0].tolist() == plan[:, 1].tolist() == [*levels, 0, 0]
    assert plan[:, 2].tolist() == [1, *levels, 0]
    assert plan[:, 4].tolist() == [1, 1, *levels]
    assert plans.staircase(2, 5, delay=0).tolist() == plans.together(2, 5).tolist()
    one_by_one = plans.staircase(2, 3, delay=2)
    moving = one_by_one.diff(dim=0) < 0
    assert (moving.sum(1) == 1).all() and len(one_by_one) == 7


@given(
    num_steps=st.integers(1, 9),
    delay=st.integers(0, 9),
    chunk=st.integers(1, 4),
    num_given=st.integers(0, 5),
    start=st.integers(0, 8),
    row=st.integers(0, 20),
)
def test_a_part_of_an_endless_staircase(num_steps, delay, chunk, num_given, start, row):
    """Columns and rows of the whole plan; beyond its last row, all is clean."""
    delay = min(delay, num_steps)
    whole = plans.staircase(num_steps, 14, delay, chunk, num_given)
    whole = torch.cat([whole, torch.zeros(30, 14, dtype=torch.float64)])
    frames, rows = range(start, start + 5), range(row, row + 2)
    part = plans.staircase(num_steps, frames, delay, chunk, num_given, rows)
    assert torch.equal(part, whole[row : row + 2, start : start + 5])


def test_strength_starts_there():
    assert plans.times(2, shift=3.0, strength=0.4).tolist() == pytest.approx([0.4, 0.3, 0])


@pytest.mark.parametrize("name", PATHS)
def test_karras_spacing_is_equal_in_the_seventh_root_of_the_noise_ratio(name):
    path = PATHS[name]
    t = plans.karras(path, 8, ratio_max=10.0)
    assert t[0] == 1 and t[-1] == 0
    root = (path.sigma(t[1:-1]) / path.alpha(t[1:-1])) ** (1 / 7)
    torch.testing.assert_close(root.diff(), root.diff().mean().expand(6), rtol=1e-4, atol=0)
    assert root[-1] ** 7 == pytest.approx(0.002, rel=1e-4)


def test_karras_spacing_does_not_waste_steps_beyond_the_end_of_the_path():
    t = plans.karras(PATHS["ddpm_scaled"], 8)  # which ends at a ratio of 14.6
    assert (t.diff() < 0).all()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: plans.together(0, 4), "`num_steps` is 0"),
        (lambda: plans.given_frames(4, 4, 5), "frame 4 lies outside"),
        (lambda: plans.staircase(4, 4, delay=5), "delay is 5"),
        (lambda: plans.times(4, strength=1.5), "strength is 1.5"),
    ],
)
def test_mistakes_are_told(make, words):
    with pytest.raises(UserError, match=words):
        make()
