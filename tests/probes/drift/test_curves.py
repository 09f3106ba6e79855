"""Figures of videos whose answer is known by construction."""

import numpy as np
import pytest

from kinema.probes.drift.curves import Opening, fastest, figures, joins_of


def moving_square(num_frames, speed, color=(200, 40, 40), start=4):
    frames = np.full((num_frames, 48, 96, 3), 120, np.uint8)
    frames += np.random.default_rng(0).integers(0, 8, (1, 48, 96, 1)).astype(np.uint8)
    for i in range(num_frames):
        x = start + speed * i
        frames[i, 16:32, x : x + 16] = color
        frames[i, 20:28, x + 4 : x + 12] = 255
    return frames


def test_the_opening_against_itself():
    frames = moving_square(5, 0)
    found = figures(frames, Opening(frames))
    assert found["identity"] == pytest.approx(0, abs=1e-6)
    assert found["color"] == found["sharpness"] == 0
    assert found["motion"] < 0.1


def test_a_square_that_moves_two_pixels_a_frame():
    motion, velocity = fastest(moving_square(6, 2))
    assert motion == pytest.approx(2, abs=0.4)
    assert velocity[0] == pytest.approx(2, abs=0.4) and abs(velocity[1]) < 0.2
    assert fastest(moving_square(1, 2)) == (0.0, [0.0, 0.0])


def test_another_color_is_another_identity():
    opening = Opening(moving_square(5, 1))
    same, other = moving_square(5, 1, start=20), moving_square(5, 1, (40, 40, 200))
    found = {name: figures(x, opening) for name, x in {"same": same, "other": other}.items()}
    assert found["other"]["identity"] > 3 * found["same"]["identity"]
    assert found["other"]["color"] > 1 > found["same"]["color"]


def test_blur_is_less_sharp():
    import cv2

    frames = moving_square(5, 1)
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in frames])
    assert figures(blurred, Opening(frames))["sharpness"] < -2


def test_a_jump_at_the_joins():
    frames = moving_square(9, 1)
    frames[6:] = np.clip(frames[6:].astype(int) + 30, 0, 255).astype(np.uint8)
    found = joins_of(iter(frames), [3, 6])
    assert found.count == 2
    plain = joins_of(iter(moving_square(9, 1)), [3, 6])
    assert plain.ratio == pytest.approx(1, abs=0.05)
    assert found.ratio > 3
    assert joins_of(iter(frames), []).count == 0


def test_a_join_is_compared_where_latent_frames_meet():
    frames = np.zeros((13, 8, 8, 3), np.uint8)
    for index, step in {1: 3, 5: 6, 9: 3, 10: 1}.items():
        frames[index:] += np.uint8(step)
    found = joins_of(iter(frames), [1, 5], factor=4)
    assert (found.at, found.latents, found.count) == (4.5, 3.0, 2)
    assert found.inside == pytest.approx(4 / 10)  # 12 pairs, of which 2 are joins
    assert found.ratio == 1.5
