import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rollout_cases import denoise, walk

from kinema.errors import UserError
from kinema.sampling.rollout import Blend, Schedule
from kinema.sampling.rollout.blending import hat, windows_over


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 8))
def test_windows_cover_everything_and_share_enough(length, window, overlap):
    overlap = min(overlap, window - 1)
    windows = windows_over(length, window, overlap)
    assert (windows[0].start, windows[-1].stop) == (0, length)
    assert all(w.stop - w.start == min(window, length) for w in windows)
    pairs = zip(windows, windows[1:], strict=False)
    assert all(a.stop - b.start >= overlap and b.start > a.start for a, b in pairs)


def test_one_window_over_all_is_the_denoiser_itself():
    x, t = walk().noise(0, 5), torch.full((2, 5), 0.5)
    assert torch.equal(Blend(5, 2, tile=(2, 2)).over(walk())(x, t), denoise(x, t))


def test_it_is_the_weighted_mean_of_windows_in_time_and_space():
    """Bar-Tal et al. 2023, eq. 5, written out pixel by pixel."""
    blend = Blend(3, 1, tile=(2, 3), tile_overlap=1)
    x = torch.randn(1, 1, 5, 3, 5, generator=torch.Generator().manual_seed(0))
    t = torch.rand(1, 5, generator=torch.Generator().manual_seed(1))
    total, weights = torch.zeros(5, 3, 5), torch.zeros(5, 3, 5)
    for f, r, c in blend.windows(x.shape):
        x0 = denoise(x[:, :, f, r, c], t[:, f])[0, 0]
        for i, j, k in torch.cartesian_prod(*(torch.arange(n) for n in x0.shape)).tolist():
            weight = hat(3)[i] * hat(2)[j] * hat(3)[k]
            total[f.start + i, r.start + j, c.start + k] += weight * x0[i, j, k]
            weights[f.start + i, r.start + j, c.start + k] += weight
    torch.testing.assert_close(blend.over(walk())(x, t)[0, 0], total / weights)


def test_a_state_holds_no_frames_that_have_left():
    pieces = list(Blend(5, 3).rollout(walk(num_steps=2), 12))
    held = [piece.state.tensors["x"].shape[2] for piece in pieces]
    assert held == [12, 7, 2, 0]


def test_the_prompt_is_that_of_the_middle_even_of_one_window():
    def always(value):
        return lambda x, t: torch.full_like(x, value)

    x, t = walk().noise(0, 5), torch.full((2, 5), 0.5)
    for second, expected in ((2, 2.0), (3, 1.0)):
        told = walk(Schedule(((0, always(1.0)), (second, always(2.0)))))
        assert (Blend(5, 2).over(told)(x, t) == expected).all()


def test_where_windows_agree_the_blend_is_what_they_say():
    blended = Blend(4, 2).over(walk(lambda x, t: 2 * x))
    x = walk().noise(0, 11)
    torch.testing.assert_close(blended(x, torch.ones(2, 11)), 2 * x)


@pytest.mark.parametrize("options", [(4, 4), (4, -1), (4, 2, (4, 4), 4)])
def test_windows_that_make_no_sense(options):
    with pytest.raises(UserError):
        Blend(*options)
