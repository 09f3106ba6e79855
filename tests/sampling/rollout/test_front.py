import torch
from rollout_cases import denoise, walk

from kinema.sampling import SOLVERS
from kinema.sampling.rollout.front import Front


def test_saved_and_restored_it_goes_on_the_same():
    walked = walk(solver=SOLVERS["dpmpp_2m"])
    front = Front(0, 2, walked.noise(2, 6))
    t = walked.times[:, None].repeat(1, 4)
    front.step(denoise, walked, t[0], t[1])
    other = Front.restored({k: x.clone() for k, x in front.tensors().items()}, walked)
    for one in (front, other):
        one.shift(3, walked.noise(6, 7))
        one.step(denoise, walked, t[1], t[2])
    assert (other.row, other.start, other.stop) == (2, 3, 7)
    assert torch.equal(front.x, other.x)


def test_a_front_that_moved_has_new_frames_at_the_end():
    walked = walk()
    front = Front(0, 0, walked.noise(0, 4))
    front.shift(2, walked.noise(4, 6))
    assert torch.equal(front.x, walked.noise(2, 6))
