"""The pictures of what keys drive, read back, and the keys that come with them."""

import numpy as np

from kinema.judges.discs import read_discs
from kinema.worlds import Rendering, keys
from kinema.worlds.keys import GROUND, ground_frames


def test_the_disc_is_where_the_truth_says_and_the_keys_come_along():
    (clip,) = keys.render([3], Rendering(40, 32, truth=True))
    centers, _ = read_discs(clip.frames)
    assert np.abs(centers[0] - clip.truth.tracks["positions"][0]).max() < 0.02
    assert clip.controls["actions"].shape == (40, 4)
    assert len(clip.attributes["keys"]) == 40
    held = clip.controls["actions"].astype(int)
    words = [" ".join(n for n, on in zip(keys.KEYS, row, strict=True) if on) for row in held]
    assert clip.attributes["keys"] == words


def test_the_same_seed_gives_the_same_clip_in_any_company():
    alone = keys.render([5], Rendering(8, 32, level=2))[0]
    beside = keys.render([4, 5], Rendering(8, 32, level=2))[1]
    assert np.array_equal(alone.frames, beside.frames)
    assert not np.array_equal(alone.frames, keys.render([4], Rendering(8, 32, level=2))[0].frames)


def test_the_ground_moves_against_the_view_and_repeats_itself():
    pixel = 10.0 / 31
    places = np.array([[5.0, 5.0], [5.0 + 2 * pixel, 5.0], [5.0 + GROUND, 5.0]])
    here, right, around = ground_frames(places, seed=1, size=(32, 32))
    assert np.abs(here[:, 2:].astype(int) - right[:, :-2].astype(int)).max() <= 1
    assert np.abs(here.astype(int) - around.astype(int)).max() <= 1


def test_landmarks_do_not_touch():
    places, radii, inks = keys.landmarks(9)
    assert len(radii) > 8 and inks.shape == (len(radii), 3)
    across = (places[:, None] - places[None] + GROUND / 2) % GROUND - GROUND / 2
    gaps = np.linalg.norm(across, axis=-1) - radii[:, None] - radii[None]
    assert gaps[~np.eye(len(radii), dtype=bool)].min() > 0.29
