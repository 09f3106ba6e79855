import numpy as np
import pytest

from kinema.metrics.objects.discovery import find_objects
from kinema.worlds import Rendering, discs, tabletop


@pytest.mark.parametrize("level", [1, 3])
def test_discs_are_found_where_they_are(level):
    clip = discs.render([3], Rendering(num_frames=8, level=level, truth=True))[0]
    sighting = find_objects(clip.frames)
    assert sighting.doubt == ""
    assert sighting.still
    for t, blobs in enumerate(sighting.blobs):
        true = clip.truth.tracks["pixels"][:, t]
        true = true[clip.truth.tracks["in_view"][:, t]]
        found = np.array([blob.center for blob in blobs])
        for center in true:
            assert np.linalg.norm(found - center, axis=1).min() < 0.05


def test_a_table_with_two_solids_has_two_objects():
    clip = tabletop.render([9_000_001], Rendering(3, 64, 2, "all", truth=True))[0]
    for t, blobs in enumerate(find_objects(clip.frames).blobs):
        assert len(blobs) == 2
        for blob in blobs:
            inside = np.bincount(clip.truth.masks[t][blob.mask], minlength=3)
            true = (clip.truth.masks[t] == inside.argmax()).sum()
            assert inside.max() > 0.9 * inside.sum()  # one object, and nearly all of it
            assert inside.max() > 0.9 * true


def test_true_masks_replace_the_search():
    clip = discs.render([3], Rendering(num_frames=4, level=3, truth=True))[0]
    gray = np.repeat(clip.frames.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    assert find_objects(gray).doubt
    sighting = find_objects(gray, clip.truth.masks)
    assert [len(blobs) for blobs in sighting.blobs] == [2] * 4


def test_footage_in_which_color_separates_nothing_is_refused(pan):
    assert find_objects(pan).doubt != ""


def test_a_moving_background_is_noticed(pan):
    frames = np.repeat(pan.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    frames[:, 40:56, 40:56] = (220, 20, 20)
    sighting = find_objects(frames)
    assert sighting.doubt == ""
    assert not sighting.still
    assert find_objects(np.repeat(frames[:1], 4, 0)).still
