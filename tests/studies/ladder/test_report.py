import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from studies.ladder import climber, run
from studies.ladder.arms import ALONE, SHARED, UNMIXED
from studies.ladder.climber import Ladder
from studies.ladder.records import BUDGETS, MINUTES, SAMPLES, Record
from studies.ladder.report import (
    COLUMNS,
    estimate,
    remarks,
    report_of,
    table,
    times_lower,
)
from studies.ladder.scoring import EXACT, MOTION

COST = {"parameters": 2_000_000, "gflops": 0.5, "seconds": 0.25, "megabytes": 90.0}


def record(exact, cost=COST):
    clips = {name: [1.0, 3.0] for name in COLUMNS} | {EXACT: exact}
    return Record(clips, [0.0, 1.0, 2.0], 64, 0.5, cost)


FLOOR = record([1.0, 2.0], cost=None)
RECORDS = {
    (name, way, budget): [record([a, a + 1]), record([a, a + 1])]
    for budget in BUDGETS
    for name, way, a in (
        ("frame by frame", ALONE, 11.0),
        ("frame by frame", SHARED, 5.0),
        ("temporal attention", ALONE, 3.0),
        ("temporal attention", UNMIXED, 9.0),
    )
}


def test_the_floor_is_taken_from_scores_but_not_from_motion():
    assert estimate([record([11.0, 12.0])], EXACT, FLOOR) == (10.0, 10.0, 10.0)
    mean, low, high = estimate([record([0.0, 0.0])], MOTION, FLOOR)
    assert (mean, low, high) == (2.0, 1.0, 3.0)


def test_scores_that_a_clip_lacks_are_left_out():
    assert estimate([record([math.nan, 4.0])], EXACT, None)[0] == 4.0


def test_the_table_has_a_row_for_the_floor_and_each_way():
    header, *rows = table("short", SAMPLES, RECORDS, FLOOR)
    assert len(rows) == 5 and {len(row) for row in [header, *rows]} == {len(header)}
    assert rows[1][1].startswith("10.00 (") and "2.00 M" in rows[1]


def test_times_lower_by_hand():
    assert "is 5.0 times lower (5.0 to 5.0)" in times_lower(RECORDS, FLOOR, SAMPLES)
    assert times_lower({}, FLOOR, SAMPLES) == ""
    key = "frame by frame", ALONE, SAMPLES
    one_more = {**RECORDS, key: [*RECORDS[key], record([0.0, 0.0])]}
    assert "is 5.0 times lower (5.0 to 5.0)" in times_lower(one_more, FLOOR, SAMPLES)


def test_the_page_says_where_and_what_is_missing(tmp_path):
    key = "temporal attention", ALONE, MINUTES
    there = {**RECORDS, key: [replace(record([3.0, 4.0]), machine="another, 1 thread")]}
    told = remarks(there, Ladder(tmp_path))
    assert "1: unknown; 2: another, 1 thread." in told and "one machine only" in told
    # Frame by frame has not been averaged over frames: that row is missing
    assert "yet: frame by frame; temporal attention at equal minutes (1 of 2 seeds);" in told
    assert "; recurrence; " in told
    rows = {row[0]: row[-1] for row in table("short", MINUTES, there, FLOOR)}
    assert (rows["frame by frame"], rows["temporal attention"]) == ("1", "2")
    assert "compare" not in remarks(RECORDS, Ladder(tmp_path))


def test_a_page_with_plots(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    report = report_of(RECORDS, {"short": FLOOR}, Ladder(tmp_path))
    page, picture = report.write(tmp_path / "ladder.md")
    assert picture.stat().st_size > 10_000
    text = page.read_text()
    command = '--arms \'["frame by frame","temporal attention"]\' --size tiny --num-samples 3072'
    assert command in text and "ladder.png" in text
    assert "## Short, equal minutes: what does each way" in text and "{" not in text
    report.show()
    assert "its mixer switched off" in capsys.readouterr().out


def test_the_committed_page_is_what_its_records_say(tmp_path, monkeypatch):
    results = Path(__file__).parents[3] / "docs" / "results"
    shutil.copytree(results / "ladder", tmp_path / "records")
    # The records were made before the decoder of the codec was trained further.
    settings = json.loads((tmp_path / "records" / "settings.json").read_text())
    monkeypatch.setattr(climber, "codec_fingerprint", lambda folder: settings["codec"])
    report = run(Ladder(tmp_path, arms=["measured"]))
    assert report.page(tmp_path / "ladder.md") == (results / "ladder.md").read_text()
