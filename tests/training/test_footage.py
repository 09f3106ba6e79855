import json

import numpy as np
import pytest

from kinema.clips import Clip, write
from kinema.errors import UserError
from kinema.training.footage import FolderClips, FootageFormat, fingerprint, shape_like


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five files: three of 30 x 40 at 10 frames a second, two of 40 x 20 at 8."""
    place, rows = tmp_path_factory.mktemp("clips"), []
    for i, (h, w, fps) in enumerate([(30, 40, 10), (40, 20, 8), (30, 40, 10), (40, 20, 8)]):
        frames = np.full((6 + 6 * i, h, w, 3), 10 * i, np.uint8)
        write(Clip(frames, fps=float(fps)), place / f"{i}.mp4")
        rows.append({"file_name": f"{i}.mp4", "text": f"clip {i}"})
    write(Clip(np.zeros((6, 30, 40, 3), np.uint8), fps=10.0), place / "4.mp4")
    rows.append({"file_name": "4.mp4", "text": "clip 4"})
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(place)


def test_the_footage_is_what_most_files_are(folder):
    assert FolderClips(folder, num_frames=5).footage == FootageFormat(10.0, 30, 40)


@pytest.mark.parametrize(("width", "shape"), [(0, (32, 32)), (48, (32, 48)), (-1, (32, 48))])
def test_clips_have_the_shape_that_is_asked_for(folder, width, shape):
    source = FolderClips(folder, num_frames=5, size=32, width=width)
    assert source.shape == shape
    assert source.make([0, 1])[0]["frames"].shape == (2, 5, *shape, 3)


def test_the_parts_of_a_folder_have_one_shape(folder):
    shapes = {FolderClips(folder, 5, 32, -1, part=part).shape for part in ("train", "held_out")}
    assert shapes == {(32, 48)}


@pytest.mark.parametrize(
    ("footage", "shape"),
    [((1080, 1920), (64, 112)), ((1920, 1080), (112, 64)), ((480, 480), (64, 64)),
     ((720, 740), (64, 64)), ((100, 1000), (64, 640))],
)  # fmt: skip
def test_the_longer_side_is_a_multiple_of_16(footage, shape):
    assert shape_like(FootageFormat(24.0, *footage), 64) == shape


@pytest.mark.filterwarnings("ignore:.*set aside 2 file")
def test_as_many_clips_as_the_files_hold_one_after_the_other(folder):
    source = FolderClips(folder, num_frames=6, num_clips=0).counted()
    assert source.num_clips == 1 + 2 + 3 + 4 + 1
    assert FolderClips(folder, num_frames=6, num_clips=0, stride=2).counted().num_clips == 1 + 1 + 2
    assert FolderClips(folder, num_frames=6, num_clips=7).counted().num_clips == 7


def test_counting_changes_neither_the_source_nor_the_name_of_its_shards(folder):
    source = FolderClips(folder, num_frames=6, num_clips=0)
    counted = source.counted()
    assert source.num_clips == 0 and counted.name == source.name
    assert counted.clips is source.clips  # the list of files is read once


def test_what_cannot_be_is_refused(folder):
    with pytest.raises(UserError, match="part 'half' is unknown"):
        FolderClips(folder, part="half")


def test_a_fingerprint_differs_with_every_setting():
    marks = {fingerprint(a=1, b=2), fingerprint(a=2, b=2), fingerprint(a=1, c=2), fingerprint(a=1)}
    assert len(marks) == 4 and fingerprint(b=2, a=1) == fingerprint(a=1, b=2)
