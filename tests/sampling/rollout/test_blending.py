from itertools import product
from math import prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rollout_cases import rollout_setup

from kinema.errors import UserError
from kinema.sampling import SOLVERS, sample
from kinema.sampling.rollout import Blend, RolloutSetup, Schedule, joined
from kinema.sampling.rollout.blending import (
    Evaluation,
    Held,
    evaluations_of,
    first_frames,
    stepped,
    times_of,
    windows_over,
)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 8))
def test_windows_cover_everything_and_share_enough(length, window, overlap):
    overlap = min(overlap, window - 1)
    windows = windows_over(length, window, overlap)
    assert (windows[0].start, windows[-1].stop) == (0, length)
    assert all(w.stop - w.start == min(window, length) for w in windows)
    pairs = zip(windows, windows[1:], strict=False)
    assert all(a.stop - b.start >= overlap and b.start > a.start for a, b in pairs)


def whole(blend: Blend, setup: RolloutSetup, num_frames: int) -> torch.Tensor:
    """Bar-Tal et al. 2023, eq. 5, written out: all frames together, pixel by pixel."""

    def denoise(x, t):
        (frames, height, width), (rows, columns) = x.shape[2:], blend.tile or x.shape[3:]
        total, weights = torch.zeros_like(x), torch.zeros_like(x)
        windows = product(
            windows_over(frames, blend.window, blend.overlap),
            windows_over(height, rows, blend.tile_overlap),
            windows_over(width, columns, blend.tile_overlap),
        )
        for f, r, c in windows:
            x0 = setup.at((f.start + f.stop) // 2)(x[:, :, f, r, c], t[:, f])
            for i, j, k in torch.cartesian_prod(*map(torch.arange, x0.shape[2:])).tolist():
                sides = zip((i, j, k), (f, r, c), strict=True)
                inner = [min(n + 1, s.stop - s.start - n) for n, s in sides]
                place = (..., f.start + i, r.start + j, c.start + k)
                total[place] += prod(inner) * x0[..., i, j, k]
                weights[place] += prod(inner)
        return total / weights

    num_given = 0 if setup.given is None else setup.given.shape[2]
    plan = setup.times[:, None].repeat(1, num_frames)
    plan[:, :num_given] = 0
    known = setup.noise(0, num_frames)
    known[:, :, :num_given] = 0 if setup.given is None else setup.given
    return sample(denoise, setup.noise(0, num_frames), plan, setup.solver, known=known)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
@pytest.mark.parametrize("blend", [Blend(3, 1), Blend(4, 3), Blend(3, 1, (1, 2), 0), Blend(9, 2)])
def test_it_is_the_weighted_mean_of_windows_in_time_and_space(blend, solver):
    given_frames = torch.randn(2, 2, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    for given_part in (None, given_frames):
        setup = rollout_setup(solver=SOLVERS[solver], given=given_part)
        made = joined(blend.rollout(setup, 8))
        torch.testing.assert_close(made, whole(blend, setup, 8))


def test_every_step_is_taken_as_early_as_it_can_be():
    """Frames leave while the end of the video is still noise, and few are held, at any length."""

    def most_held(num_frames):
        made = list(Blend(5, 3).rollout(rollout_setup(num_steps=3), num_frames))
        assert next(n for n, segment in enumerate(made) if segment.frames is not None) < 8
        sizes = [{k: x.shape[2] for k, x in p.state.tensors.items() if x.ndim == 5} for p in made]
        assert sum(sizes[-1].values()) == 0
        return max(sum(size.values()) for size in sizes)

    assert most_held(100) == most_held(25) < 100


def test_the_prompt_is_that_of_the_middle_even_of_one_window():
    def always(value):
        return lambda x, t: torch.full_like(x, value)

    for second, expected in ((2, 2.0), (3, 1.0)):
        told = rollout_setup(Schedule(((0, always(1.0)), (second, always(2.0)))), num_steps=1)
        assert (joined(Blend(5, 2).rollout(told, 5)) == expected).all()


@pytest.mark.parametrize("options", [(4, 4), (4, -1), (4, 2, (4, 4), 4)])
def test_windows_that_make_no_sense(options):
    with pytest.raises(UserError):
        Blend(*options)


def test_a_solver_that_looks_ahead_evaluates_the_end_of_every_step_but_the_last():
    assert evaluations_of(rollout_setup(num_steps=2)) == [Evaluation(0), Evaluation(1)]
    ahead = evaluations_of(rollout_setup(num_steps=3, solver=SOLVERS["heun"]))
    places = [(0, False), (0, True), (1, False), (1, True), (2, False)]
    assert ahead == [Evaluation(row, is_ahead) for row, is_ahead in places]
    assert [evaluation.seen for evaluation in ahead[:2]] == ["x", "ahead"]


def test_frames_come_in_and_leave_in_order():
    held, x = Held(), torch.arange(6.0).view(1, 1, 6, 1, 1)
    held.take_in({"x": x[:, :, :4]})
    held.frames["total"] += 1
    held.take_in({"x": x[:, :, 4:]})
    assert (held.start, held.stop) == (0, 6)
    gone = held.let_out(3)
    assert gone["x"].flatten().tolist() == [0, 1, 2]
    assert gone["total"].flatten().tolist() == [1, 1, 1]
    assert held.frames["total"].flatten().tolist() == [1, 0, 0]
    assert (held.start, held.stop) == (3, 6)
    again = Held.restored(held.tensors(), rollout_setup())
    assert (again.start, again.window) == (3, 0)
    assert torch.equal(again.frames["x"], x[:, :, 3:])


def test_given_frames_are_clean_and_stay():
    known = torch.full((2, 2, 2, 2, 2), 7.0)
    setup = rollout_setup(num_steps=2, given=known)
    frames = first_frames(setup, 1, 4)
    assert (frames["x"][:, :, 0] == 7).all()
    assert torch.equal(frames["x"][:, :, 1:], rollout_setup().noise(2, 4))
    t = times_of(setup, 0, 1, 4)
    assert t[0, 0] == 0 and (t[0, 1:] == setup.times[0]).all()
    held = Held(start=1)
    held.take_in(frames)
    held.frames["weight"] += 2
    after = stepped(setup, Evaluation(0), 1, held.let_out(4))
    assert torch.equal(after["x"][:, :, 0], frames["x"][:, :, 0])
    assert not torch.equal(after["x"][:, :, 1:], frames["x"][:, :, 1:])
