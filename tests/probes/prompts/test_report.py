import json

import numpy as np
import pytest

from kinema.judges.tabletop import VOCABULARY
from kinema.judges.tabletop.scoring import score
from kinema.probes.prompts import PromptFindings, PromptProbe, report_of
from kinema.probes.prompts.cleanness import Cleanness
from kinema.probes.prompts.consistency import Ratio
from kinema.probes.prompts.probe import Group, Shown
from kinema.probes.prompts.report import cleanness_table, consistency_table, prompt_table

ASKED = {question: answers[1] for question, answers in VOCABULARY.items()}
READ = {**ASKED, "shape": VOCABULARY["shape"][2]}


def figures(error):
    motion = {"motion": 0.5, "motion of the fastest 5 %": 4.0}
    return {
        "warping error": error,
        "plain difference": 9,
        "explained": 0.5,
        "coverage": 1,
        **motion,
    }


def findings(**changes):
    clips = {"generated": Shown(np.zeros((2, 3, 16, 16, 3), np.uint8), [ASKED, READ])}
    prompts = ["a ball rolls", "a cone falls"]
    group = Group(prompts, [ASKED, ASKED], ["the ball rolls", "the cone falls"], clips)
    steps = {"true": 0.3, "codec": 0.9, "generated": 1.8, "smoothed": 1.2}
    errors = {"true": 1.0, "codec": 1.5, "generated": 2.0, "frame by frame": 6.0}
    found = {
        "probe": PromptProbe(num_prompts=2),
        "groups": {"seen": group, "held out": group},
        "scores": {"generated, seen": score([ASKED, READ], [ASKED, ASKED])},
        "consistency": {kind: figures(error) for kind, error in errors.items()},
        "ratio": Ratio(0.2, (0.1, 0.3)),
        "clean": {
            kind: Cleanness([a, a], [0.3, 0.3], [0.8 - a / 4] * 2) for kind, a in steps.items()
        },
    }
    return PromptFindings(**{**found, **changes})


def test_shares_are_printed_with_n_and_interval():
    rows = {row[0]: row[1:] for row in prompt_table(findings())}
    assert rows[""] == ["generated, seen (n = 2)"]
    assert rows["subject color"] == ["100.0 (34-100)"]
    assert rows["subject shape"] == ["50.0 (9-91)"]


def test_the_floor_is_subtracted_and_motion_stands_beside():
    header, *rows = consistency_table(findings())
    above = {row[0]: row[header.index("above the floor")] for row in rows}
    assert list(above.values()) == ["0.00", "0.50", "1.00", "5.00"]
    assert all(row[header.index("motion")] == "0.500" for row in rows)


def test_seams_and_outlines_stand_beside_those_of_true_renders():
    header, *rows = cleanness_table(findings())
    assert [row[0] for row in rows][0] == "true renders (floor)"
    ratios = [row[header.index("seams, ratio")].split()[0] for row in rows]
    assert ratios == ["1.00", "3.00", "6.00", "4.00"]
    assert [row[-1] for row in rows] == ["1.00", "0.79", "0.48", "0.69"]


def test_everything_is_shown(capsys):
    report_of(findings()).show()
    printed = capsys.readouterr().out
    for words in ("all together", "frame by frame", "0.200", "0.100 to 0.300"):
        assert words in printed


def test_files(tmp_path):
    page, record, sheet = report_of(findings()).write(tmp_path / "results" / "prompts.md")
    assert sheet.read_bytes()[:4] == b"\x89PNG"
    text = page.read_text()
    assert "| all together |" in text and "(prompts.png)" in text and "frame by frame" in text
    values = json.loads(record.read_text())
    assert values["scores"]["generated, seen"]["subject shape"]["right"] == 1
    assert values["ratio"]["value"] == 0.2
    assert [clip["read"]["shape"] for clip in values["clips"]] == [
        ASKED["shape"],
        READ["shape"],
    ] * 2


@pytest.mark.parametrize("left_out", [{"consistency": {}, "ratio": None}])
def test_without_consistency(tmp_path, capsys, left_out):
    report = report_of(findings(**left_out))
    report.show()
    page = report.page(tmp_path / "prompts.md")
    assert "frame by frame" not in capsys.readouterr().out + page
