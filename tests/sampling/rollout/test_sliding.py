import pytest
import torch
from rollout_cases import denoise, rollout_setup

from kinema.errors import UserError
from kinema.sampling.rollout import Sliding, Splice, crossfade, joined


def test_64_frames_from_chunks_of_8_with_2_in_common():
    """11 chunks, 68 frames, of which 4 are cut off; no call sees more than a chunk."""
    seen = []

    def counting(x, t):
        seen.append((x.shape[2], int((t[0] == 0).sum())))
        return denoise(x, t)

    segments = list(Splice().rollout(rollout_setup(counting, num_steps=1), 64))
    assert [segment.frames.shape[2] for segment in segments] == [8] + 9 * [6] + [2]
    assert seen == [(8, 0)] + 10 * [(8, 2)]
    assert Splice().calls(64, 1) == {8: 11}


def test_a_chunk_begins_with_the_last_frames_of_the_one_before():
    shown = []

    def looking(x, t):
        shown.append(x[:, :, t[0] == 0])
        return denoise(x, t)

    frames = joined(Splice(4, 2).rollout(rollout_setup(looking, num_steps=1), 8))
    for number in (1, 2):
        assert torch.equal(shown[number], frames[:, :, 2 * number : 2 * number + 2])


def test_carried_frames_are_shown_noised_and_kept_clean():
    levels = []

    def looking(x, t):
        levels.append(t[0].tolist())
        return denoise(x, t)

    state = None
    made = joined(Sliding(4, 2, level=0.25).rollout(rollout_setup(looking, num_steps=1), 6, state))
    assert levels[1] == [0.25, 0.25, 1.0, 1.0]
    plain = joined(Sliding(4, 2).rollout(rollout_setup(num_steps=1), 6))
    assert torch.equal(made[:, :, :4], plain[:, :, :4])
    assert not torch.equal(made[:, :, 4:], plain[:, :, 4:])


def test_a_video_passes_evenly_from_one_window_to_the_next():
    """Frames that two windows make have the same noise, and shares of both that add up."""
    windows = []

    def counting(x, t):  # the n-th window is n everywhere
        windows.append((x, t))
        return torch.full_like(x, float(len(windows)))

    strategy = Sliding(7, 2, fade=2)
    frames = joined(strategy.rollout(rollout_setup(counting, num_steps=1), 13))[0, 0, :, 0, 0]
    between = [4 / 3, 5 / 3, 2, 7 / 3, 8 / 3]
    torch.testing.assert_close(frames, torch.tensor([*5 * [1.0], *between, *3 * [3.0]]))
    assert strategy.joins(13) == [5, 6, 7, 8, 9, 10]
    (first, _), (second, t), _ = windows
    assert torch.equal(first[:, :, 5:], second[:, :, 2:4])
    assert t[0].tolist() == [0, 0, 1, 1, 1, 1, 1]


def test_a_twelfth_of_the_overlap_is_made_twice_and_as_many_new_frames_a_window():
    assert crossfade(32, 24) == Sliding(32, 22, fade=2)
    assert crossfade(9, 3) == Sliding(9, 2, fade=1)
    assert crossfade(2, 1) == Sliding(2, 1)  # no room


@pytest.mark.parametrize("options", [(4, 0), (4, 4), (4, 2, 1.0), (4, 2, -0.1), (4, 2, 0.0, 2)])
def test_windows_that_make_no_sense(options):
    with pytest.raises(UserError):
        Sliding(*options)
