from dataclasses import replace

import pytest

from kinema.errors import UserError
from studies.ladder import task
from studies.ladder.arms import ARMS, TRACKS, Track
from studies.ladder.climber import Climber, Ladder, climb_all, long_clip_flops
from studies.ladder.making import Making
from studies.ladder.records import BUDGETS


@pytest.fixture
def climber(tmp_path, monkeypatch, make_task):
    monkeypatch.setitem(TRACKS, "short", Track("tiny", 5, 8.0))
    ladder = Ladder(
        tmp_path, num_samples=8, minutes=1e-4, seeds=1, num_clips=2, pixels=16, batch_size=4,
        making=Making(num_steps=1),
    )  # fmt: skip
    monkeypatch.setattr(Climber, "task", lambda self, arm, seed: make_task(seed))
    return Climber(ladder)


def test_everything_is_done_once(climber, monkeypatch):
    records = climb_all(climber, ["frame by frame"])
    assert len(records) == len(ARMS["frame by frame"].ways) * len(BUDGETS)
    one = records["frame by frame", "as trained", "equal samples"][0]
    assert one.samples == 8 and one.held_out > 0 and len(one.drift) == 5
    assert all(len(figures) == 2 for figures in one.clips.values()) and "thread" in one.machine
    assert len(list(climber.ladder.folder.rglob("as-trained.png"))) == 2
    # A second climb finds the records and trains nothing
    monkeypatch.setattr(task, "train", None)
    assert climb_all(climber, ["frame by frame"]) == records
    # The floor is the truth through the codec, on the same clips
    floor = climber.floor("short")
    assert floor.cost is None and list(floor.clips) == list(one.clips)


def test_numbers_that_make_no_sense(tmp_path):
    with pytest.raises(UserError, match="at least one"):
        Ladder(tmp_path, seeds=0)


def test_another_session_takes_up_what_was_published(climber, tmp_path, monkeypatch):
    climb_all(climber, ["recurrence"])
    there = tmp_path / "published"
    elsewhere = replace(climber.ladder, folder=tmp_path / "other", report=f"{there}.md")
    first = climb_all(Climber(replace(climber.ladder, report=f"{there}.md")), [])
    assert (there / "recurrence.json").exists()
    monkeypatch.setattr(task, "train", None)  # nothing is left to train
    assert climb_all(Climber(elsewhere), ["recurrence"]) == first
    assert (elsewhere.folder / "records" / "recurrence.json").exists()


def test_a_folder_of_other_settings_is_refused(climber):
    Climber(replace(climber.ladder, seeds=5))
    with pytest.raises(UserError, match="made with minutes 0.0001, not 3.0"):
        Climber(replace(climber.ladder, minutes=3.0))


def test_counted_operations_grow_with_what_attention_sees(tmp_path):
    ladder = Ladder(tmp_path)
    near, far, full = (
        long_clip_flops(ARMS[name], ladder)
        for name in ("window of 4", "window of 16", "all frames")
    )
    assert near < far < full
