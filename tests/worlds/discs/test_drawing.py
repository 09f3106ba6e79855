"""Areas under soft edges, and a curtain before everything."""

import numpy as np
import pytest

from kinema.worlds.discs.drawing import GRAY, coverage, curtain_cover, painted


def test_a_disc_covers_its_area():
    share = coverage(np.array([[[4.3, 6.1]]]), np.array([1.7]), (80, 80))
    assert share.shape == (1, 1, 80, 80)
    assert share.sum() * (10 / 79) ** 2 == pytest.approx(np.pi * 1.7**2, rel=0.002)


def test_a_curtain_covers_its_width_and_has_no_edge_at_a_wall():
    pixel = 10 / 63
    assert curtain_cover((2.03, 5.4), 64).sum() * pixel == pytest.approx(3.37)
    for curtain in ((0.0, 3.3), (6.7, 10.0)):  # the outer half of the last pixel is beyond the wall
        cover = curtain_cover(curtain, 64)
        assert cover.sum() * pixel == pytest.approx(3.3 + 0.5 * pixel)
        assert max(cover[0], cover[-1]) == 1 and (np.diff(cover) != 0).sum() <= 2


def test_a_curtain_hangs_before_the_discs():
    share = coverage(np.array([[[5.0, 5.0]]]), np.array([2.0]), (41, 41))
    ink = np.array([[0.0, -200.0, -255.0]])
    plain, hidden = painted(share, ink), painted(share, ink, (5.0, 10.0))
    assert plain.dtype == np.uint8 and plain[0, 20, 20].tolist() == [255, 55, 0]
    assert (hidden[0, :, 21:] == GRAY).all()
    assert (hidden[0, :, :20] == plain[0, :, :20]).all()
