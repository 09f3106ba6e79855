import numpy as np
import pytest
import torch

from kinema.clips import to_frames, to_tensor
from kinema.judges.discs import read_discs
from kinema.training.histories.degradation import (
    Degradation,
    degraded,
    draw_zoom,
    shaken,
    swollen,
    tinted,
    zoomed,
)
from kinema.training.sources import DiscClips
from kinema.worlds import Rendering, discs

CLIPS = to_tensor(DiscClips("box", num_frames=6).make([0, 1, 2])[0]["frames"].numpy())
INK = 1 - CLIPS
ALL = Degradation(share=1.0)


def times(*given: int) -> torch.Tensor:
    t = torch.ones(len(given), CLIPS.shape[2])
    for row, count in zip(t, given, strict=True):
        row[:count] = 0
    return t


def centers(ink: torch.Tensor) -> torch.Tensor:
    """Where the ink of each frame lies, x and y in pixels, (b, f, 2)."""
    weight = ink.sum(1)
    places = torch.arange(ink.shape[-1])
    x, y = (weight * places).sum((-1, -2)), (weight * places[:, None]).sum((-1, -2))
    return torch.stack([x, y], -1) / weight.sum((-1, -2))[..., None]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_given_frames_are_degraded_and_the_others_stay_the_target():
    again = degraded(CLIPS, times(4, 2, 1), ALL.draw(3, 3, 6))
    for clip, true, given in zip(again, CLIPS, (4, 2, 1), strict=True):
        assert torch.equal(clip[:, given:], true[:, given:])
        assert all((clip[:, i] - true[:, i]).abs().max() > 0.01 for i in range(given))
    assert again.abs().max() <= 1


def test_clips_without_given_frames_with_nothing_else_and_those_not_chosen_stay():
    assert torch.equal(degraded(CLIPS, times(0, 6, 0), ALL.draw(3, 3, 6)), CLIPS)
    assert torch.equal(degraded(CLIPS, times(3, 3, 3), Degradation().draw(3, 3, 6)), CLIPS)


def test_a_row_of_the_faults_is_that_of_its_clip():
    faults, t = ALL.draw(3, 3, 6), times(4, 2, 1)
    assert torch.equal(degraded(CLIPS, t, faults)[1:], degraded(CLIPS[1:], t[1:], faults[1:]))


def test_the_share_is_that_of_the_clips():
    assert 250 < Degradation(share=0.3).draw(1000, 3, 2).chosen.sum() < 350


def test_white_stays_white():
    white = torch.ones_like(CLIPS)
    assert torch.equal(degraded(white, times(4, 4, 4), ALL.draw(3, 3, 6)), white)


def test_nothing_is_degraded_by_nothing():
    faults = Degradation(share=1.0, fade=0, tint=0, swell=0, shake=0).draw(3, 3, 6)
    assert torch.allclose(degraded(CLIPS, times(4, 4, 4), faults), CLIPS, atol=1e-5)


def test_colors_change_evenly_over_the_clip_and_shapes_stay_where_they_are():
    tint = tinted(INK, ALL.draw(3, 3, 6).mixtures)
    assert torch.allclose(centers(tint), centers(INK), atol=1e-3)
    share = tint.sum((-1, -2)) / INK.sum((-1, -2))  # b c f
    assert (share - 1).abs().max() > 0.05
    assert (share.diff(n=2, dim=2).abs() < 5e-3).all()


def test_a_fade_takes_up_to_its_share_and_gives_up_to_half_of_it():
    left = Degradation(tint=0.0, fade=0.4).draw(500, 3, 2).mixtures.diagonal(dim1=2, dim2=3)
    assert 0.6 <= left.min() < 0.62 and 1.18 < left.max() <= 1.2


def test_outlines_move_out_and_in_about_their_centers():
    for weight, grows in ((0.3, True), (-0.3, False)):
        again = swollen(INK, torch.full((3, 6), weight))
        assert ((again.sum((1, 3, 4)) > INK.sum((1, 3, 4))) == grows).all()
        assert (centers(again) - centers(INK)).abs().max() < 0.05


def test_a_frame_is_moved_by_its_own_part_of_a_pixel():
    ink = torch.zeros(2, 3, 4, 32, 32)
    ink[..., 12:20, 10:18] = 1
    shifts = ALL.draw(2, 3, 4).shake
    assert 0.15 < shifts.abs().max() <= 0.2
    assert torch.allclose(centers(shaken(ink, shifts)) - centers(ink), shifts, atol=1e-4)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.7])
def test_zoomed_discs_are_discs_of_another_size_and_speed(factor):
    scene = discs.DiscScene(
        "uniform", np.array([1.0]), np.array([[4.0, 5.0]]), np.array([[2.0, 0]])
    )
    frames = to_tensor(discs.render_scene(scene, Rendering(8, (64, 64), 1, fps=10)).frames[None])
    torch.manual_seed(0)
    seen = to_frames(zoomed(frames, *draw_zoom((factor, factor), 1)))[0]
    (before, radii), (after, new_radii) = (read_discs(x) for x in (to_frames(frames)[0], seen))
    speed, new_speed = (np.diff(x[0, :, 0]).mean() for x in (before, after))
    assert new_speed == pytest.approx(factor * speed, rel=0.02)
    assert new_radii.mean() == pytest.approx(factor * radii.mean(), rel=0.05)
    assert (seen[:, 0] > 250).all() or factor > 1  # white where nothing was seen
