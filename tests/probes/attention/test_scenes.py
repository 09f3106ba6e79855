from itertools import islice

import numpy as np

from kinema.probes.attention.scenes import crossings, track_of_tokens


def test_the_subject_crosses_at_constant_velocity():
    for clip in islice(crossings(9, 32, 4.0), 2):
        track = clip.truth.tracks["pixels"][0]
        speed = np.linalg.norm(np.diff(track, axis=0), axis=1)
        change = np.linalg.norm(np.diff(track, 2, axis=0), axis=1)
        assert change.max() < 0.02 * speed.mean()  # perspective, where the lane is not quite level
        assert abs(track[-1, 0] - track[0, 0]) > 32 / 2
        assert (track >= 0).all() and (track <= 31).all()


def test_a_token_has_the_mean_place_of_its_frames():
    track = np.stack([np.arange(9.0), np.zeros(9)], axis=1)
    np.testing.assert_allclose(track_of_tokens(track, 3, 4)[:, 0], [0, 2.5, 6.5])
