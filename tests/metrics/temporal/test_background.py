import numpy as np

from kinema.metrics.temporal.background import background_change


def test_a_wall_that_the_camera_passes_stays_what_it_is(pan, still):
    assert background_change(still).value == 0
    assert background_change(pan).value < 3


def test_less_light_is_no_change_of_the_background(pan):
    dimmed = (pan * np.linspace(1, 0.8, len(pan))[:, None, None, None]).astype(np.uint8)
    assert background_change(dimmed).value < 4


def test_a_stain_that_spreads_on_the_wall_is(pan):
    y, x = np.mgrid[:96, :96]
    stain = np.exp(-((x - 48) ** 2 + (y - 48) ** 2) / (2 * 15**2))
    stained = [frame + 4 * t * np.roll(stain, -t, 1)[..., None] for t, frame in enumerate(pan)]
    changed = background_change(np.clip(stained, 0, 255).astype(np.uint8))
    assert changed.value > 4 * background_change(pan).value
    assert changed.curve[-1] > changed.curve[4]
