import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from kinema.diffusion import (
    GivenFrames,
    Interpolation,
    LogitNormal,
    Mixture,
    PerFrame,
    RowNoise,
    Staircase,
    Uniform,
    noise_like_rows,
    shift_times,
)
from kinema.diffusion.path import HISTORY, KEYS
from kinema.sampling.rollout import FrameNoise

SPECS = [
    Uniform(),
    Uniform(shift=3),
    LogitNormal(1.0, 0.5, shift=2.0),
    PerFrame(LogitNormal()),
    GivenFrames(LogitNormal(), max_given=3, context_noise=0.2),
    Interpolation(stride=3),
    Staircase(width=3, shift=2),
    Mixture([(0.5, Uniform()), (0.3, PerFrame()), (0.2, GivenFrames())]),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@given(num_frames=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_draws_are_times_repeatable_from_the_generator(spec, num_frames, seed):
    t, again = (spec.draw(5, num_frames, Generator().manual_seed(seed)) for _ in range(2))
    assert t.shape == (5, num_frames) and t.dtype == torch.float32
    assert (t >= 0).all() and (t <= 1).all() and (t == again).all()


def draw(spec, batch=4000, num_frames=6):
    return spec.draw(batch, num_frames, Generator().manual_seed(0))


def test_one_time_for_the_clip_or_one_for_every_frame():
    assert (draw(Uniform()) == draw(Uniform())[:, :1]).all()
    t = draw(PerFrame())
    assert t.T.corrcoef().sub(torch.eye(6)).abs().max() < 0.1


def test_logit_normal_has_its_mean_and_deviation_and_the_shift_moves_its_median():
    logits = torch.logit(draw(LogitNormal(0.5, 1.5), 20000)[:, 0])
    assert logits.mean() == pytest.approx(0.5, abs=0.05)
    assert logits.std() == pytest.approx(1.5, abs=0.05)
    assert draw(LogitNormal(shift=3.0), 20000).median() == pytest.approx(0.75, abs=0.02)


def test_shift_scales_the_noise_ratio():
    t = torch.linspace(0, 0.99, 20, dtype=torch.float64)
    shifted = shift_times(t, 3.0)
    torch.testing.assert_close(shifted / (1 - shifted), 3 * t / (1 - t))
    assert shift_times(torch.tensor([0.0, 1.0]), 5.0).tolist() == [0.0, 1.0]


def test_given_frames_lead_the_clip_in_every_number_up_to_the_most():
    t = draw(GivenFrames(max_given=3))
    clean = t == 0
    assert set(clean.sum(1).tolist()) == {1, 2, 3}
    assert (clean.int().diff() <= 0).all()  # clean frames come first
    assert (draw(GivenFrames(max_given=9), num_frames=3)[:, -1] > 0).all()
    assert (draw(GivenFrames(), num_frames=1) > 0).all()


def test_noised_context_stays_below_its_level():
    t = draw(GivenFrames(max_given=1, context_noise=0.2))
    assert t[:, 0].max() <= 0.2 and t[:, 0].std() > 0.04


def test_interpolation_keeps_key_frames_and_the_last():
    clean = draw(Interpolation(stride=4)) == 0
    assert clean.all(0).tolist() == [True, False, False, False, True, True]
    assert not clean[:, [1, 2, 3]].any()
    few = draw(Interpolation(), num_frames=3) == 0
    assert few.all(0).tolist() == [True, False, True] and not few[:, 1].any()
    assert (draw(Interpolation(), num_frames=2) > 0).all()  # there is nothing between


def test_staircase_rises_with_steps_of_one_over_the_width():
    t = draw(Staircase(width=3))
    rise = t.diff()
    assert (rise >= 0).all() and rise.max() == pytest.approx(1 / 3, abs=1e-6)
    assert (t[:, 0] == 0).any() and (t[:, -1] == 1).any()
    assert draw(Staircase()).diff().max() == pytest.approx(1 / 4, abs=1e-6)


def test_mixture_keeps_the_shares_of_its_parts():
    t = draw(Mixture([(3, Uniform()), (1, GivenFrames())]))
    assert (t[:, 0] == 0).float().mean() == pytest.approx(0.25, abs=0.03)
    with_itself = Mixture([(1, Uniform())])
    assert draw(with_itself).unique(dim=1).shape[1] == 1


@given(seeds=st.lists(st.integers(0, 2**62), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_a_row_of_noise_depends_on_its_own_seed_alone(seeds):
    batch = noise_like_rows((len(seeds), 2, 3, 4, 4), seeds)
    for i, seed in enumerate(seeds):
        assert (batch[i] == noise_like_rows((1, 2, 3, 4, 4), [seed])[0]).all()


def test_streams_and_draws_of_a_seed_are_independent():
    first, second = RowNoise([7]), RowNoise([7], stream=1)
    draws = [source((1, 5000))[0] for source in (first, first, second)]
    assert torch.stack(draws).corrcoef().sub(torch.eye(3)).abs().max() < 0.05


def test_every_seed_has_many_streams():
    for seed in (0, 2**62, 2**63 - 1, -5):
        draws = [RowNoise([seed], stream)((1, 8))[0] for stream in range(6)]
        assert len({tuple(x.tolist()) for x in draws}) == 6
    assert torch.equal(RowNoise([2**63 + 3])((1, 8)), RowNoise([3])((1, 8)))


def test_a_seed_keeps_its_noise_for_ever():
    """A video can be made again by its seed: the streams of a seed must never change."""
    for stream, seed in ((0, 7), (1, (7 + 0x9E3779B97F4A7C15) % 2**63)):
        expected = torch.randn(2, 3, generator=Generator().manual_seed(seed))
        assert torch.equal(RowNoise([7], stream)((1, 2, 3))[0], expected)


def test_logit_normal_is_its_formula():
    normal = torch.randn(5, 1, generator=Generator().manual_seed(0))
    expected = shift_times(torch.sigmoid(0.5 + 2 * normal), 3.0).expand(5, 4)
    assert torch.equal(draw(LogitNormal(0.5, 2.0, 3.0), 5, 4), expected)


def test_without_options_a_spec_is_the_plainest():
    """A recipe that names no number relies on these."""
    assert Uniform() == Uniform(shift=1.0)
    assert LogitNormal() == LogitNormal(mean=0.0, std=1.0, shift=1.0)
    assert PerFrame() == PerFrame(Uniform())
    assert GivenFrames() == GivenFrames(Uniform(), max_given=1, context_noise=0.0, min_given=1)
    assert Interpolation() == Interpolation(Uniform(), stride=4)
    assert Staircase() == Staircase(width=4.0, shift=1.0)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_without_a_generator_torchs_own_is_drawn_from(spec):
    torch.manual_seed(3)
    first = spec.draw(4, 5)
    torch.manual_seed(3)
    assert torch.equal(spec.draw(4, 5), first) and not torch.equal(spec.draw(4, 5), first)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20), st.integers(1, 9), st.integers(1, 7))
def test_a_frame_has_its_noise_whoever_asks(start, count, block):
    noise = FrameNoise([5, 6], (1, 2, 3), block)
    whole = noise(0, start + count)
    assert torch.equal(noise(start, start + count), whole[:, :, start:])
    assert torch.equal(
        FrameNoise([6], (1, 2, 3), block)(start, start + count), whole[1:, :, start:]
    )


def test_the_first_block_is_the_ordinary_samplers():
    noise = FrameNoise([5, 6], (4, 2, 3), block=9)
    assert torch.equal(noise(0, 9), noise_like_rows((2, 4, 9, 2, 3), [5, 6]))


def test_streams_and_positions_are_independent():
    noise = FrameNoise([5], (1, 32, 32))
    keys = noise.other(KEYS)
    streams = [noise, noise.other(HISTORY), keys, keys.other(HISTORY), keys.other(KEYS)]
    drawn = [stream(at, at + 2) for stream in streams for at in (0, 2)]
    drawn += [stream.fresh(at)((1, 1, 2, 32, 32)) for stream in streams for at in (0, 1)]
    together = torch.stack([one.flatten() for one in drawn])
    assert (torch.corrcoef(together) - torch.eye(20)).abs().max() < 0.1


def test_it_takes_the_type_it_is_asked_for():
    noise = FrameNoise([5], (1, 2, 2), like=torch.empty(0, dtype=torch.float64))
    assert noise(0, 1).dtype == noise.other(HISTORY)(0, 1).dtype == torch.float64
