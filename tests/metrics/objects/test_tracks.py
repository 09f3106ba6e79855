import numpy as np

from kinema.metrics.objects.discovery import Blob
from kinema.metrics.objects.tracks import follow_objects, match_cost
from kinema.probes.consistency.faults import behind
from kinema.worlds import Rendering, discs


def test_each_disc_is_one_track_along_its_true_path():
    clip = discs.render([1], Rendering(32, level=3, truth=True))[0]
    objects = follow_objects(clip.frames, clip.fps)
    assert len(objects.tracks) == 2
    true, inside = clip.truth.tracks["pixels"], clip.truth.tracks["in_view"]
    for track in objects.tracks:
        pairs = zip(true, inside, strict=True)
        errors = [np.linalg.norm(track.centers[s] - t[s], axis=1) for t, s in pairs]
        assert min(np.nanmax(error) for error in errors) < 0.3


def test_a_track_outlives_an_occlusion():
    objects = follow_objects(behind(discs.sample_scene(2)), 10)
    assert len(objects.tracks) == 2
    small = min(objects.tracks, key=lambda track: track.diameter)
    gone = ~small.seen[small.first : small.last]
    assert gone.any()
    assert small.touching[small.first + int(np.flatnonzero(gone)[0]) - 1]


def test_what_cannot_be_found_is_not_followed(pan):
    objects = follow_objects(pan)
    assert objects.tracks == []
    assert objects.doubt


def test_what_was_lost_is_looked_for_where_it_was_going():
    def blob(x: float) -> Blob:
        mask = np.zeros((40, 80), bool)
        return Blob(np.array([x, 20.0]), 50.0, (0, 0, 1, 1), np.array([50.0, 40, 0]), mask, False)

    blobs = [[blob(20)], [blob(24)], [blob(28)], [], [], [blob(40), blob(16)]]
    ahead, behind = (match_cost({0: 0, 1: 0, 2: 0}, blobs, 5, one) for one in blobs[5])
    assert ahead < 1e-6 < behind
