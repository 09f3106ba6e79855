import numpy as np

from studies.ruler.soft_faults import blur_all, ghost, in_the_dark, slow_down

RNG = np.random.default_rng(0)


def test_a_ghost_is_the_mean_of_the_frames_around(pan):
    frames = pan(9)
    ghosted = ghost(frames, 3, RNG)
    assert ghosted.shape == frames.shape
    np.testing.assert_array_equal(ghosted[4], np.round(frames[3:6].mean(0)).astype(np.uint8))


def test_slow_motion_keeps_every_second_frame(pan):
    frames = pan(8)
    slow = slow_down(frames, 2, RNG)
    assert slow.shape == frames.shape
    np.testing.assert_array_equal(slow[::2], frames[:4])


def test_a_soft_lens_takes_detail_from_every_frame(pan):
    frames = pan(4)
    soft = blur_all(frames, 2, RNG)

    def detail(clip):
        return np.abs(np.diff(clip.astype(int), axis=2)).mean((1, 2, 3))

    assert (detail(soft) < detail(frames)).all()


def test_three_quarters_of_the_dark_picture_are_black(pan):
    dark = in_the_dark(pan(3))
    assert (dark == 0).all(-1).mean() >= 0.75
    assert dark.any()
