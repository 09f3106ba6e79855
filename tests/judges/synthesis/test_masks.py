"""Objects are what no shadow explains, sorted by hue."""

import pytest
import torch

from kinema.judges.synthesis.masks import hues, objects_in, palette, unexplained
from kinema.worlds.tabletop.attributes import COLORS

STAGE = torch.tensor([0.7, 0.65, 0.6]).expand(1, 32, 32, 3)


def painted(**places):
    frames = STAGE.repeat(4, 1, 1, 1)
    for color, (rows, columns) in places.items():
        frames[:, rows, columns] = torch.tensor(COLORS[color])
    return frames


def test_a_shadow_is_explained_and_a_color_is_not():
    frames = torch.cat([0.5 * STAGE, STAGE, 0.1 * STAGE])
    apart = unexplained(frames, STAGE)
    assert apart[:2].max() < 1e-6 and apart[2].min() > 0.2
    assert objects_in(frames[:2], STAGE) == []


@pytest.mark.parametrize("color", COLORS)
def test_every_color_is_found_where_it_is(color):
    frames = painted(**{color: (slice(4, 12), slice(6, 18))})
    (seen,) = objects_in(frames, STAGE)
    assert seen.color == color
    assert seen.area.tolist() == pytest.approx([96.0] * 4, rel=0.02)
    rows, columns = seen.middle()
    assert rows[0] == pytest.approx(7.5) and columns[0] == pytest.approx(11.5)
    assert seen.known.all()


def test_two_colors_are_not_mixed_up_and_the_larger_comes_first():
    places = {"red": (slice(2, 8), slice(2, 8)), "blue": (slice(16, 28), slice(16, 28))}
    first, second = objects_in(painted(**places), STAGE)
    assert (first.color, second.color) == ("blue", "red")
    assert (first.mask * second.mask).max() == 0
    assert second.area[0] == pytest.approx(36, rel=0.02)


def test_frames_in_which_little_is_seen_do_not_place_it():
    frames = painted(red=(slice(2, 12), slice(2, 12)))
    frames[2] = STAGE
    (seen,) = objects_in(frames, STAGE)
    assert seen.known.tolist() == [True, True, False, True]


def test_hues_know_no_white_and_no_brightness():
    red = torch.tensor(COLORS["red"]).square()
    pale = (0.3 * red + 0.2).sqrt()
    assert hues(pale)[0] @ hues(red.sqrt())[0] == pytest.approx(1.0)
    assert (palette() @ palette().T - torch.eye(8)).max() < 0.98
