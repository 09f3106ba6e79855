"""What holds for every strategy, and the one world in which they are exactly right.

AR(1) frames forget everything but the last one, so a strategy that carries at least one frame on
makes long videos of exactly the world's mean and covariance, joins or not. The sampler is linear in
its noise there: pushing a basis of the noise through it gives the covariance without sampling.
"""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from einops import rearrange
from hypothesis import given, settings
from hypothesis import strategies as st
from rollout_cases import STRATEGIES, denoise, rollout_setup

from kinema.diffusion import Linear
from kinema.diffusion.path import KEYS
from kinema.errors import UserError
from kinema.sampling import SOLVERS, Heun, plans, rollout, sample
from kinema.sampling.rollout import (
    Autoregressive,
    Blend,
    Keyframes,
    Rolling,
    RolloutSetup,
    RolloutState,
    Schedule,
    Sliding,
    Whole,
    joined,
)
from kinema.worlds import GaussianWorld

RHO, MEAN = 0.8, 0.5
LONG = 11


@pytest.mark.parametrize("num_frames", [1, 4, 5, 6, 13])
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_length_comes_out(name, num_frames):
    frames = joined(STRATEGIES[name].rollout(rollout_setup(num_steps=2), num_frames))
    assert frames.shape == (2, 2, num_frames, 2, 2)
    assert frames.isfinite().all()


ONE_WINDOW = {
    "whole": Whole(),
    "sliding": Sliding(9, 4),
    "crossfade": Sliding(9, 4, fade=3),
    "autoregressive": Autoregressive(9),
    "keyframes": Keyframes(Sliding(9, 4), stride=1),
    "blend": Blend(9, 4),
    "rolling": Rolling(9, history=2, chunk=1),
}


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "ancestral", "unipc"])
@pytest.mark.parametrize("name", ONE_WINDOW)
def test_one_window_is_the_ordinary_sampler_bit_for_bit(name, solver):
    setup = rollout_setup(block=7, solver=SOLVERS[solver])
    if solver == "unipc" and name in ("rolling", "blend"):
        solver = "dpmpp_2m"  # its predictor, alone
    if solver == "ancestral" and name in ("rolling", "blend"):
        pytest.skip("setup row by row, they draw fresh noise row by row")
    delay = ONE_WINDOW[name].delay(4) if name == "rolling" else 0
    plan = plans.staircase(setup.times, 7, delay=delay)
    noise = setup.noise(0, 7)
    plain = sample(denoise, noise, plan, SOLVERS[solver], seeds=setup.noise.seeds)
    assert torch.equal(joined(ONE_WINDOW[name].rollout(setup, 7)), plain)


def copied(state: RolloutState) -> RolloutState:
    """As if read from a file."""
    return RolloutState(state.made, {name: x.clone() for name, x in state.tensors.items()})


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_a_schedule_that_begins_below_time_1_begins_with_noise_all_the_same(scale):
    """Of the size that it says, whether there are given frames or not."""
    given_frames = torch.full((2, 2, 1, 2, 2), 7.0)
    noise = scale * rollout_setup(block=4).noise(0, 4)
    for strategy in (Whole(), Rolling(4)):
        torch.testing.assert_close(first_seen(strategy, scale=scale), noise)
        x = first_seen(strategy, scale=scale, given=given_frames)
        torch.testing.assert_close(x[:, :, 1:], noise[:, :, 1:])
        assert torch.equal(x[:, :, :1], given_frames)


def first_seen(strategy, **options):
    """What a denoiser sees first of a schedule that begins at 0.95."""
    seen = []
    setup = rollout_setup(lambda x, t: seen.append(x) or denoise(x, t), block=4, **options)
    joined(strategy.rollout(replace(setup, times=0.95 * setup.times), 4))
    return seen[0]


@pytest.mark.parametrize("solver", ["dpmpp_2m", "ancestral", "unipc"])
@pytest.mark.parametrize("name", STRATEGIES)
def test_taken_up_again_at_any_segment_it_goes_on_bit_for_bit(name, solver):
    strategy, setup = STRATEGIES[name], rollout_setup(solver=SOLVERS[solver])
    segments = [(segment.frames, copied(segment.state)) for segment in strategy.rollout(setup, 12)]
    for number, (_, state) in enumerate(segments[:-1]):
        rest = list(strategy.rollout(setup, 12, state))
        expected = segments[number + 1 :]
        assert len(rest) == len(expected)
        for segment, (frames, after) in zip(rest, expected, strict=True):
            assert segment.state.made == after.made
            assert (segment.frames is None) == (frames is None)
            assert frames is None or torch.equal(segment.frames, frames)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_state_read_from_a_file_goes_on_where_the_noise_lies(name):
    """On a device without values, where a single tensor left on the CPU is an error."""
    strategy, options = STRATEGIES[name], {"solver": SOLVERS["dpmpp_2m"]}
    if isinstance(strategy, Autoregressive):
        strategy = replace(strategy, guidance=1.0)  # guidance looks at values
    states = [segment.state for segment in strategy.rollout(rollout_setup(**options), 12)]
    for state in states[:-1]:
        rest = list(strategy.rollout(rollout_setup(device="meta", **options), 12, state))
        assert all(segment.frames is None or segment.frames.is_meta for segment in rest)


@pytest.mark.parametrize("name", STRATEGIES)
def test_given_frames_come_first_and_matter(name):
    given_frames = torch.randn(2, 2, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    frames = joined(STRATEGIES[name].rollout(rollout_setup(given=given_frames), 9))
    assert frames.shape[2] == 9
    assert torch.equal(frames[:, :, :2], given_frames)
    without = joined(STRATEGIES[name].rollout(rollout_setup(), 9))
    assert (frames[:, :, 2] - without[:, :, 2]).abs().max() > 1e-3


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(STRATEGIES)), st.integers(1, 24))
def test_calls_are_counted_beforehand(name, num_frames):
    seen = Counter()

    def counting(x, t):
        seen[x.shape[2]] += 1
        return x

    joined(STRATEGIES[name].rollout(rollout_setup(counting, num_steps=3), num_frames))
    assert seen == STRATEGIES[name].calls(num_frames, 3)


def test_a_schedule_takes_over_at_its_frames():
    def always(value):
        return lambda x, t: torch.full_like(x, value)

    schedule = Schedule(((0, always(1.0)), (8, always(2.0))))
    for name in (
        "sliding",
        "crossfade",
        "splice",
        "autoregressive",
        "rolling",
        "blend",
        "keyframes",
    ):
        frames = joined(STRATEGIES[name].rollout(rollout_setup(schedule), 16))[0, 0, :, 0, 0]
        assert torch.allclose(frames[:4], torch.tensor(1.0)), name
        assert torch.allclose(frames[-4:], torch.tensor(2.0)), name
    assert [start for start, _ in schedule.every(3).parts] == [0, 3]


@pytest.mark.parametrize("parts", [(), ((1, denoise),), ((0, denoise), (0, denoise))])
def test_schedules_that_make_no_sense(parts):
    with pytest.raises(UserError, match="starts at frame 0"):
        Schedule(parts)


# The oracle ---------------------------------------------------------------------------------------


class Basis:
    """The noise of all frames, and that of all key frames, as rows of one basis.

    The last window reaches beyond the end, so there are more frames than are looked at.
    """

    frames = 2 * LONG
    seeds = tuple(range(2 * frames))

    def __init__(self, first_row: int = 0, scale: float = 1.0):
        self.first_row, self.scale = first_row, scale

    def __call__(self, start: int, stop: int) -> torch.Tensor:
        noise = torch.zeros(2 * self.frames, self.frames, dtype=torch.float64)
        own = slice(self.first_row, self.first_row + self.frames)
        noise[own] = self.scale * torch.eye(self.frames, dtype=torch.float64)
        return rearrange(noise[:, start:stop], "b f -> b 1 f 1 1").clone()

    def other(self, stream: int) -> "Basis":
        return Basis(self.frames, self.scale)


def exact(stride: int = 1, mean: float = 0.0):
    path = Linear()

    def denoise(x, t):
        world = GaussianWorld(x.shape[2], RHO**stride, mean=mean)
        return world.denoise(x, path.alpha(t), path.sigma(t))

    return denoise


def covariance(strategy, num_steps: int, stride: int = 1) -> torch.Tensor:
    coarse = exact(stride)
    setup = RolloutSetup(exact(), Basis(), plans.times(num_steps), Heun(), coarse=coarse)
    frames = rearrange(joined(strategy.rollout(setup, LONG)), "b 1 f 1 1 -> f b")
    return frames @ frames.T


def error(strategy, num_steps: int, stride: int = 1) -> float:
    true = GaussianWorld(LONG, RHO).covariance
    return (covariance(strategy, num_steps, stride) - true).abs().max().item()


EXACT = {
    "sliding": (Sliding(5, 1), 1),
    "sliding, more overlap": (Sliding(5, 3), 1),
    "autoregressive": (Autoregressive(2, context=2), 1),
    "rolling": (Rolling(5, history=1), 1),
    "keyframes": (Keyframes(Sliding(3, 1), stride=2, window=5), 2),
}


@pytest.mark.parametrize("name", EXACT)
def test_across_joins_the_covariance_is_the_worlds(name):
    """At Heun's order: twice the steps, about a quarter of the error."""
    strategy, stride = EXACT[name]
    coarse, fine = error(strategy, 12, stride), error(strategy, 24, stride)
    assert fine < 0.012
    assert fine < coarse / 2.5


UNBIASED = EXACT | {"crossfade": (Sliding(6, 2, fade=2), 1)}


@pytest.mark.parametrize("name", UNBIASED)
def test_across_joins_the_mean_is_the_worlds(name):
    strategy, stride = UNBIASED[name]
    coarse = exact(stride, mean=MEAN)
    noise = Basis(scale=0.0)  # the middle of every distribution
    setup = RolloutSetup(exact(mean=MEAN), noise, plans.times(12), Heun(), coarse=coarse)
    frames = joined(strategy.rollout(setup, LONG))
    torch.testing.assert_close(frames, torch.full_like(frames, MEAN), atol=5e-3, rtol=0)


def test_what_forgets_or_only_averages_is_not_exact():
    assert error(Rolling(4, history=0), 24) > 0.03
    assert error(Blend(5, 1), 24) > 0.03
    assert error(Keyframes(Sliding(3, 1), stride=2, window=5), 24, stride=1) > 0.1


# Video to video ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_source_is_noised_and_made_anew(name):
    """A denoiser that knows nothing keeps what the noise leaves of the source."""
    source = torch.randn(2, 2, 12, 2, 2, generator=torch.Generator().manual_seed(0))
    times, seen = 0.4 * plans.times(2), []

    def looking(x, t):
        seen.append((x, t))
        return x

    setup = replace(rollout_setup(looking), times=times, source=source)
    frames = joined(STRATEGIES[name].rollout(setup, 12))
    assert frames.shape == source.shape and frames.isfinite().all()
    assert seen[0][1].max() == pytest.approx(0.4)
    stride, noise = (2, setup.noise.other(KEYS)) if name == "keyframes" else (1, setup.noise)
    start = seen[0][0][:, :, :2]  # the first window, or the first keys
    torch.testing.assert_close(start, 0.6 * source[:, :, : 2 * stride : stride] + 0.4 * noise(0, 2))


def test_beyond_its_end_a_source_repeats_its_last_frame():
    source = torch.arange(3.0).view(1, 1, 3, 1, 1).expand(2, 2, 3, 2, 2)
    known = replace(rollout_setup(), source=source).known(1, 6)
    assert known[0, 0, :, 0, 0].tolist() == [1, 2, 2, 2, 2]


def test_names_of_before_still_work():
    with pytest.warns(DeprecationWarning, match="Walk is RolloutSetup now"):
        assert rollout.Walk is RolloutSetup
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rollout.nothing  # noqa: B018
