import pytest
import torch
from rollout_cases import denoise, rollout_setup

from kinema.errors import UserError
from kinema.sampling import SOLVERS, plans, sample
from kinema.sampling.rollout import Rolling, joined
from kinema.sampling.rollout.rolling import Queue


def test_the_view_moves_along_the_endless_staircase():
    """Where a frame looks one frame back only, the view shows all there is to see."""

    def local(x, t):
        back = torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, :-1]], dim=2)
        return torch.tanh(x + 0.3 * back) * (1.1 - t[:, None, :, None, None].to(x))

    strategy = Rolling(6, history=2, chunk=2)
    setup = rollout_setup(local, num_steps=4)
    plan = plans.staircase(setup.times, 12, delay=strategy.delay(4), chunk=2)
    whole = sample(local, setup.noise(0, 12), plan)
    torch.testing.assert_close(joined(strategy.rollout(setup, 12)), whole)


def test_no_call_sees_more_than_the_window_and_the_past_is_clean():
    times = []

    def looking(x, t):
        times.append(t[0].tolist())
        return denoise(x, t)

    joined(Rolling(6, history=2).rollout(rollout_setup(looking, num_steps=8), 20))
    assert {len(t) for t in times} == {6}
    assert all(t == sorted(t) for t in times)
    assert all(t[:2] == [0, 0] for t in times[24:])


def test_frames_leave_one_chunk_at_a_time():
    segments = list(Rolling(6, history=2, chunk=2).rollout(rollout_setup(num_steps=4), 9))
    assert [segment.frames.shape[2] for segment in segments] == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("options", [(4, 4), (4, 0, 5), (4, -1), (4, 0, 0)])
def test_windows_that_make_no_sense(options):
    with pytest.raises(UserError, match="rolling window"):
        Rolling(*options)


def test_saved_and_restored_it_goes_on_the_same():
    setup = rollout_setup(solver=SOLVERS["dpmpp_2m"])
    queue = Queue(0, 2, setup.noise(2, 6))
    t = setup.times[:, None].repeat(1, 4)
    queue.step(denoise, setup, t[0], t[1])
    other = Queue.restored({k: x.clone() for k, x in queue.tensors().items()}, setup)
    for one in (queue, other):
        one.shift(3, setup.noise(6, 7))
        one.step(denoise, setup, t[1], t[2])
    assert (other.row, other.start, other.stop) == (2, 3, 7)
    assert torch.equal(queue.x, other.x)


def test_a_queue_that_moved_has_new_frames_at_the_end():
    setup = rollout_setup()
    queue = Queue(0, 0, setup.noise(0, 4))
    queue.shift(2, setup.noise(4, 6))
    assert torch.equal(queue.x, setup.noise(2, 6))
