import pytest
import torch
from rollout_cases import denoise, walk

from kinema.errors import UserError
from kinema.sampling import plans, sample
from kinema.sampling.rollout import Rolling, together


def test_the_view_moves_along_the_endless_staircase():
    """Where a frame looks one frame back only, the view shows all there is to see."""

    def local(x, t):
        back = torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, :-1]], dim=2)
        return torch.tanh(x + 0.3 * back) * (1.1 - t[:, None, :, None, None].to(x))

    strategy = Rolling(6, history=2, chunk=2)
    walked = walk(local, num_steps=4)
    plan = plans.staircase(4, 12, delay=strategy.delay(4), chunk=2, shift=2.0)
    whole = sample(local, walked.noise(0, 12), plan)
    torch.testing.assert_close(together(strategy.rollout(walked, 12)), whole)


def test_no_call_sees_more_than_the_window_and_the_past_is_clean():
    times = []

    def looking(x, t):
        times.append(t[0].tolist())
        return denoise(x, t)

    together(Rolling(6, history=2).rollout(walk(looking, num_steps=8), 20))
    assert {len(t) for t in times} == {6}
    assert all(t == sorted(t) for t in times)
    assert all(t[:2] == [0, 0] for t in times[24:])


def test_frames_leave_one_chunk_at_a_time():
    pieces = list(Rolling(6, history=2, chunk=2).rollout(walk(num_steps=4), 9))
    assert [piece.frames.shape[2] for piece in pieces] == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("options", [(4, 4), (4, 0, 5), (4, -1), (4, 0, 0)])
def test_windows_that_make_no_sense(options):
    with pytest.raises(UserError, match="rolling window"):
        Rolling(*options)
