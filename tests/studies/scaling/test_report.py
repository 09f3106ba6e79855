import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kinema.probes.physics.probe import FROZEN, MEAN_VELOCITY
from studies.scaling import Scaling, run
from studies.scaling.arms import ARMS, DATA, MISSING_MIDDLE, RECIPE, SIZE
from studies.scaling.report import (
    BELOW,
    command_of,
    curve_table,
    question_table,
    remarks,
    report_of,
    summary,
    trivial,
)


def test_a_summary_is_a_mean_and_its_interval():
    assert summary([0.5, 0.5]) == "0.5000 (0.5000 to 0.5000)"
    assert summary([]) == summary(None) == "-"


def test_a_table_has_floor_trivial_baseline_and_the_arms_of_its_question(
    records, baselines, scaling
):
    header, *rows = question_table(DATA, records, baselines, scaling)
    assert [row[0] for row in rows] == [
        "true clips (floor)", "mean training velocity", RECIPE, "30 clips", "300 clips",
        "3000 clips",
    ]  # fmt: skip
    assert {len(row) for row in rows} == {len(header)}
    assert header[3] == "in distribution (n = 3)"
    thirty = dict(zip(header, rows[3], strict=True))
    assert thirty["changed"] == "`--data.num_clips 30`"
    assert thirty["training clips"] == "0.2000 (0.2000 to 0.2000), n = 2"
    assert thirty["in distribution (n = 3)"].startswith("0.4333 (0.4000 to ")
    assert (thirty["parameters"], thirty["minutes"], thirty["machine"]) == ("2.00 M", "6.7", "1")
    # The recipe did not see all of its clips
    assert dict(zip(header, rows[2], strict=True))["training clips"] == "-"


def test_the_missing_middle_is_compared_clip_by_clip(records, baselines, scaling):
    rows = question_table(MISSING_MIDDLE, records, baselines, scaling)
    above = 0.1 * list(ARMS).index(MISSING_MIDDLE)  # each arm errs by 0.1 more than the last
    assert rows[-1][0] == BELOW
    assert rows[-1][3] == f"{above:.4f} ({above:.4f} to {above:.4f})"
    alone = {MISSING_MIDDLE: records[MISSING_MIDDLE]}
    assert len(question_table(MISSING_MIDDLE, alone, baselines, scaling)) == 4


def test_where_the_mean_velocity_is_none_the_frozen_clip_is_the_trivial_baseline(baselines):
    assert trivial(baselines) == MEAN_VELOCITY
    del baselines[MEAN_VELOCITY]
    assert trivial(baselines) == FROZEN


def test_curves_of_other_validations_leave_gaps(records):
    records["width 64"] = replace(records["width 64"], samples=[500, 8_000])
    header, recipe, narrow, *_ = curve_table(records)
    assert header[1:] == ["500", "1,000", "8,000"]
    assert recipe[1:] == ["-", "0.400", "0.100"] and narrow[1:] == ["0.800", "-", "0.200"]


def test_machines_and_missing_arms_are_told(records):
    assert "1: a machine, 1 thread." in remarks(records) and "yet" not in remarks(records)
    del records["width 192"], records["30 clips"]
    records["width 64"] = replace(records["width 64"], machine="another")
    told = remarks(records)
    assert "2: another." in told and told.endswith("Not measured yet: width 192; 30 clips.")


@pytest.mark.parametrize("law", ["uniform", "box"])
def test_the_page_tells_its_command_its_protocol_and_one_seed(
    records, baselines, scaling, law, tmp_path
):
    page = tmp_path / "scaling.md"
    text = report_of(records, baselines, replace(scaling, law=law)).page(page)
    assert f"`python -m studies.scaling --law {law} --num-samples 8000 --num-clips 128" in text
    assert "Every arm was trained once." in text and "](scaling.png)" in text
    assert "Training has no speed from 1.25 to 3.75." in text
    assert ("DiT-S" in text) == (law == "uniform")
    assert ("speeds along x and y" in text) == (law == "box")
    assert "nan" not in text and "{" not in text
    some = {name: records[name] for name in (RECIPE, "width 64")}
    assert '--arms \'["the recipe","width 64"]\'' in command_of(some, scaling)
    assert "## Data size" not in report_of(some, baselines, scaling).page(page)


def test_what_is_printed(records, baselines, scaling, capsys):
    report_of(records, baselines, scaling).show()
    printed = capsys.readouterr().out
    assert all(name in printed for name in ARMS) and SIZE.capitalize() in printed


def test_the_committed_page_is_what_its_records_say(tmp_path):
    results = Path(__file__).parents[3] / "docs" / "results"
    shutil.copytree(results / "scaling", tmp_path / "records")
    report = run(Scaling(tmp_path, arms=["measured"]))
    assert report.page(tmp_path / "scaling.md") == (results / "scaling.md").read_text()
