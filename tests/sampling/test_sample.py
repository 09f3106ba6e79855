import pytest
import torch

from kinema.diffusion import PATHS, Linear, noise_like_rows
from kinema.errors import UserError
from kinema.sampling import SOLVERS, Ancestral, plans, sample

SHAPE = (3, 2, 5, 2, 2)
NOISE = noise_like_rows(SHAPE, [1, 2, 3])
KNOWN = noise_like_rows(SHAPE, [4, 5, 6])


def denoise(x, t):
    """Mixes frames and times, so that every frame depends on all the others."""
    return torch.tanh(x.roll(1, 2) + 0.5 * x) * (1.1 - t[:, None, :, None, None])


def run(plan, solver=SOLVERS["euler"], rows=slice(None), known=KNOWN, **options):
    seeds = [7, 8, 9][rows]
    known = None if known is None else known[rows]
    return sample(denoise, NOISE[rows], plan, solver, known=known, seeds=seeds, **options)


PLANS = {
    "together": plans.together(4, 5),
    "given": plans.given_frames(4, 5, [0, 3]),
    "staircase": plans.staircase(4, 5, delay=2, given=1),
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_row_of_the_batch_is_that_row_alone(solver, plan):
    whole = run(PLANS[plan], SOLVERS[solver])
    alone = run(PLANS[plan], SOLVERS[solver], slice(1, 2))
    torch.testing.assert_close(whole[1:2], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_given_frames_come_out_exactly_as_they_went_in(solver):
    out = run(PLANS["given"], SOLVERS[solver])
    assert (out[:, :, [0, 3]] == KNOWN[:, :, [0, 3]]).all()
    assert (out[:, :, 1] != KNOWN[:, :, 1]).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_frame_that_waits_is_not_touched(solver):
    states = []

    def recorded(x, t):
        states.append((x, t))
        return denoise(x, t)

    plan = plans.staircase(3, 5, delay=3)
    sample(recorded, NOISE, plan, SOLVERS[solver], seeds=[1, 2, 3])
    for x, t in states:
        waiting = (t == 1)[:, None, :, None, None].expand_as(x)
        assert (x[waiting] == NOISE[waiting]).all()


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
@pytest.mark.parametrize("path", PATHS)
def test_one_frame_after_another_is_each_frame_in_its_own_run(path, solver):
    """A chain of single-frame runs equals one staircase: no solver mixes up the histories."""

    def independent(x, t):
        return torch.tanh(x) * (1.1 - t[:, None, :, None, None])

    options = {"solver": SOLVERS[solver], "path": PATHS[path]}
    together = sample(independent, NOISE, plans.together(6, 5), **options)
    for delay in (2, 6):
        one_by_one = sample(independent, NOISE, plans.staircase(6, 5, delay=delay), **options)
        torch.testing.assert_close(one_by_one, together)


def test_euler_on_the_linear_path_is_euler_on_the_velocity():
    plan, x = plans.together(plans.times(4, shift=2.0), 5), NOISE
    for t, t_next in zip(plan[:-1, 0].float(), plan[1:, 0].float(), strict=True):
        velocity = (x - denoise(x, t.expand(3, 5))) / t
        x = x + (t_next - t) * velocity
    torch.testing.assert_close(run(plan), x)


def test_a_frame_that_waits_midway_restarts_its_history():
    plan = plans.together(6, 5)
    paused = torch.cat([plan[:3], plan[2:]])  # all stand still for one row
    for solver in ("euler", "heun"):
        torch.testing.assert_close(run(paused, SOLVERS[solver]), run(plan, SOLVERS[solver]))
    assert run(paused, SOLVERS["dpmpp_2m"]).isfinite().all()


def test_video_to_video_starts_from_the_noised_video():
    seen = []
    plan = plans.together(plans.times(4, strength=0.4), 5)
    sample(lambda x, t: seen.append(x) or x, NOISE, plan, known=KNOWN)
    torch.testing.assert_close(seen[0], 0.6 * KNOWN + 0.4 * NOISE)


def test_fresh_noise_is_independent_of_the_start():
    """Ancestral sampling of a model that always says 0, down to t = 1/2: half must be new noise."""
    noise = noise_like_rows((1, 1, 1, 64, 64), [5])
    plan = torch.tensor([[1.0], [0.5]], dtype=torch.float64)
    x = sample(lambda x, t: 0 * x, noise, plan, Ancestral(), seeds=[5])
    assert x.std().item() == pytest.approx(0.5, abs=0.02)
    assert abs((x * noise).mean().item()) < 0.02


def test_times_never_travel_in_half_precision():
    dtypes = []
    sample(lambda x, t: dtypes.append(t.dtype) or x, NOISE.bfloat16(), plans.together(2, 5))
    sample(lambda x, t: dtypes.append(t.dtype) or x, NOISE.double(), plans.together(1, 5))
    assert dtypes == [torch.float32, torch.float32, torch.float64]


def test_progress_is_told_after_every_step():
    told = []
    plan = plans.given_frames(3, 5)
    run(plan, progress=lambda step, t, x0: told.append((step, t.tolist(), x0.shape)))
    assert told == [(i, plan[i].tolist(), SHAPE) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"plan": plans.together(2, 4)}, "as many frames as the noise"),
        ({"plan": plans.given_frames(2, 5)}, "pass their latents as `known`"),
        (
            {"plan": plans.together(plans.times(2, strength=0.5), 5)},
            "pass their latents as `known`",
        ),
        ({"plan": plans.together(2, 5), "solver": Ancestral()}, "needs `seeds`"),
    ],
)
def test_mistakes_are_told(options, words):
    with pytest.raises(UserError, match=words):
        sample(denoise, NOISE, path=Linear(), **options)
