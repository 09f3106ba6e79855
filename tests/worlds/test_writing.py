"""A world as a folder: files that read back, and mistakes that are told."""

import json

import numpy as np
import pytest

from kinema import clips
from kinema.errors import UserError
from kinema.storage import locked_folder
from kinema.worlds import Rendering, tabletop
from kinema.worlds.writing import write_world


def test_folder_holds_clips_captions_truth_and_a_sheet(tmp_path):
    rendering = Rendering(5, 32, level=2, truth=True)
    folder = write_world("tabletop", tmp_path / "w", 2, 3, rendering, num_workers=0)
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    assert [row["seed"] for row in rows] == [3, 4]
    direct = tabletop.render([3, 4], rendering)
    for index, (row, made) in enumerate(zip(rows, direct, strict=True)):
        clip = clips.read(folder / row["file_name"])
        assert clip.frames.shape == (5, 32, 32, 3) and clip.text == row["text"] == made.caption
        assert row["attributes"] == made.attributes
        assert np.abs(clip.frames.astype(int) - made.frames).mean() < 12
        with np.load(folder / f"truth_{index:05d}.npz") as truth:
            assert (truth["flow_forward"] == made.truth.flow_forward).all()
            assert (truth["masks"] == made.truth.masks).all()
            assert truth["tracks_positions"].shape[1:] == (5, 3)
            assert json.loads(str(truth["events"])) == made.truth.events
    assert (folder / "contact_sheet.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["discs", "gaussian"])
def test_every_world_can_be_written(tmp_path, name):
    folder = write_world(name, tmp_path, 1, rendering=Rendering(4, 16, truth=True), num_workers=0)
    assert (folder / "clip_00000.mp4").exists() and (folder / "truth_00000.npz").exists()


@pytest.mark.parametrize("level, law", [(5, "box"), (6, "curtain")])
def test_only_the_discs_have_more_than_four_levels(tmp_path, level, law):
    folder = write_world("discs", tmp_path, 1, rendering=Rendering(4, 16, level), num_workers=0)
    assert f'"law": "{law}"' in (folder / "metadata.jsonl").read_text()


def test_a_world_has_its_own_splits(tmp_path):
    rendering = Rendering(4, 16, level=3, split="swift")
    assert write_world("discs", tmp_path, 1, rendering=rendering, num_workers=0).exists()
    with pytest.raises(UserError, match="tabletop has no split 'swift': choose one of train"):
        write_world("tabletop", tmp_path, 1, rendering=rendering, num_workers=0)


def test_truth_is_left_out_on_request(tmp_path):
    write_world("discs", tmp_path, 1, rendering=Rendering(3, 16, truth=False), num_workers=0)
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    "change",
    [{"name": "moon"}, {"num_clips": 0}, {"seed": -1}, {"rendering": Rendering(split="both")},
     {"rendering": Rendering(level=7)}, {"name": "tabletop", "rendering": Rendering(2, 16, 5)},
     {"rendering": Rendering(size=2)}, {"rendering": Rendering(num_frames=0)}],
)  # fmt: skip
def test_mistakes_are_told_before_anything_is_written(tmp_path, change):
    arguments = {"name": "discs", "num_clips": 1, "rendering": Rendering(2, 16), **change}
    with pytest.raises(UserError, match="[.:]"):
        write_world(folder=tmp_path / "w", num_workers=0, **arguments)
    assert not (tmp_path / "w").exists()


def test_a_folder_that_another_process_fills_is_refused(tmp_path):
    with locked_folder(tmp_path), pytest.raises(UserError, match="is in use by process"):
        write_world("discs", tmp_path, 1, 0, Rendering(2, 16))
    assert not list(tmp_path.iterdir())
