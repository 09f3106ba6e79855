import numpy as np
import pytest
import torch

from kinema.clips import to_frames, to_tensor
from kinema.judges.discs import read_discs
from kinema.training.histories.zoom import draw_zoom, zoomed
from kinema.worlds import Rendering, discs


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
