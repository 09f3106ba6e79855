import torch
from rollout_cases import walk

from kinema.sampling import SOLVERS
from kinema.sampling.rollout.strip import Look, Strip, first_frames, looks_of, stepped, times_of


def test_a_solver_that_looks_ahead_looks_at_the_end_of_every_step_but_the_last():
    assert looks_of(walk(num_steps=2)) == [Look(0), Look(1)]
    ahead = looks_of(walk(num_steps=3, solver=SOLVERS["heun"]))
    assert ahead == [Look(0), Look(0, True), Look(1), Look(1, True), Look(2)]
    assert [look.seen for look in ahead[:2]] == ["x", "ahead"]


def test_frames_come_in_and_leave_in_order():
    strip, x = Strip(), torch.arange(6.0).view(1, 1, 6, 1, 1)
    strip.take_in({"x": x[:, :, :4]})
    strip.held["total"] += 1
    strip.take_in({"x": x[:, :, 4:]})
    assert (strip.start, strip.stop) == (0, 6)
    gone = strip.let_out(3)
    assert gone["x"].flatten().tolist() == [0, 1, 2]
    assert gone["total"].flatten().tolist() == [1, 1, 1]
    assert strip.held["total"].flatten().tolist() == [1, 0, 0]
    assert (strip.start, strip.stop) == (3, 6)
    again = Strip.restored(strip.tensors(), walk())
    assert (again.start, again.window) == (3, 0)
    assert torch.equal(again.held["x"], x[:, :, 3:])


def test_given_frames_are_clean_and_stay():
    known = torch.full((2, 2, 2, 2, 2), 7.0)
    walked = walk(num_steps=2, given=known)
    frames = first_frames(walked, 1, 4)
    assert (frames["x"][:, :, 0] == 7).all()
    assert torch.equal(frames["x"][:, :, 1:], walk().noise(2, 4))
    t = times_of(walked, 0, 1, 4)
    assert t[0, 0] == 0 and (t[0, 1:] == walked.times[0]).all()
    strip = Strip(start=1)
    strip.take_in(frames)
    strip.held["weight"] += 2
    after = stepped(walked, Look(0), 1, strip.let_out(4))
    assert torch.equal(after["x"][:, :, 0], frames["x"][:, :, 0])
    assert not torch.equal(after["x"][:, :, 1:], frames["x"][:, :, 1:])
