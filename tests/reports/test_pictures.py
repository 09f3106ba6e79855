import io
import sys

import numpy as np
import pytest
from PIL import Image

from kinema.errors import UserError
from kinema.reports.pictures import color_map, image_png, new_figure, plot_png


def test_an_image_comes_back_as_it_was():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(image_png(image)))), image)


def test_a_figure_has_110_pixels_an_inch():
    pytest.importorskip("matplotlib")
    figure = new_figure(3, 2)
    figure.subplots().plot([1, 2], color=color_map("tab20")(1))
    assert Image.open(io.BytesIO(plot_png(figure))).size == (330, 220)


def test_without_matplotlib_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match="need matplotlib: pip install"):
        new_figure(1, 1)
