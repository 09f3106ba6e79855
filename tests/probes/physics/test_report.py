import json

import numpy as np
import pytest

from kinema.judges.discs import DiscReading
from kinema.probes.physics.probe import FLOOR, MODEL, Judged, PhysicsFindings, PhysicsProbe
from kinema.probes.physics.report import (
    band_table,
    figure_table,
    published_table,
    report_of,
    score_table,
)
from kinema.worlds import discs


@pytest.fixture
def found():
    probe = PhysicsProbe("uniform", num_clips=4)
    clips = np.full((2, 4, 32, 32, 3), 255, np.uint8)
    found = PhysicsFindings(probe, 3_000_000)
    for place, split in (("in", "train"), ("out", "held_out")):
        error = 0.03 if place == "in" else 0.4
        found.scenes[place] = [discs.sample_scene(seed, 1, split) for seed in range(4)]
        found.scores[place] = {
            FLOOR: Judged([DiscReading(0.001, 0.002, 0.0)] * 4),
            MODEL: Judged([DiscReading(error, 0.1, 0.25)] * 3 + [None]),
            "straight on, as parsed": Judged([DiscReading(0.01, 0.0, 0.0)] * 4),
        }
        found.clips[place] = (clips, clips)
    return found


def test_scores_stand_beside_floor_baseline_n_and_interval(found):
    head, floor, model, straight = score_table(found)
    assert head[1] == "in distribution (n = 4)"
    assert floor[1].startswith("0.0010") and straight[2].startswith("0.0100")
    assert model == [MODEL, "0.0300 (0.0300 to 0.0300)", "0.4000 (0.4000 to 0.4000)"]


def test_figures_that_the_law_lacks_are_left_out(found):
    names = [row[0] for row in figure_table(found)]
    assert names == ["", "disc lost, %", "radius error"]


def test_bands_name_speed_and_size(found):
    rows = band_table(found)
    assert sum(int(row[1]) for row in rows[1:]) == 4
    assert all(row[0].split(", ")[0] in ("slow", "fast") for row in rows[1:])


def test_the_published_table_names_models_and_training_sets():
    rows = published_table("collision")
    assert rows[0][1:] == ["in 30K", "in 300K", "in 3M", "out 30K", "out 300K", "out 3M"]
    assert rows[1][:2] == ["DiT-S", "0.027"] and rows[-1][1] == "0.012"
    assert len({len(row) for row in rows}) == 1


def test_the_page_and_its_figures_are_written(found, tmp_path):
    page, figures, sheet = report_of([found]).write(tmp_path / "a" / "physics.md")
    assert "3.0 M parameters" in page.read_text()
    assert json.loads(figures.read_text())[0]["velocity_error"]["in"][MODEL]["n"] == 3
    assert sheet.exists()


def test_the_command_names_the_model_of_one_law_and_no_model_for_all(found):
    one, three = report_of([found]).command, report_of([found] * 3).command
    rest = "--num-clips 4 --given 3 --seed 0"
    assert one == f"kinema probe physics --law uniform --model physics-uniform {rest}"
    assert three == f"kinema probe physics --law all {rest}"
