import json

from kinema.probes.drift.probe import TRUE
from kinema.probes.occlusion.probe import HELD, Outcome, Survival
from kinema.probes.occlusion.report import command, inside, place_table, survival_table, write

YES, NO = Outcome(True, 1, 0.5), Outcome(False)


def found():
    return {
        TRUE: {8: Survival([YES] * 4), 16: Survival([YES, YES, YES, NO])},
        HELD: {8: Survival([NO] * 4), 16: Survival([NO] * 4)},
        "m, sliding": {8: Survival([YES, Outcome(False, -4), NO, YES], horizon=12)},
    }


def test_survival_stands_beside_the_horizon_and_the_true_clips():
    rows = survival_table(found())
    assert rows[0] == ["", "sees back (frames)", "hidden for 8", "hidden for 16"]
    assert rows[1][:2] == [TRUE, "-"] and rows[1][3].startswith("75 (")
    assert rows[2][2].startswith("0 (")
    assert rows[3][1] == "12" and rows[3][2].startswith("50 (") and rows[3][3] == "-"


def test_how_late_and_how_far_off():
    rows = place_table(found())
    assert rows[1][1] == "late 1.0 (n = 4), off 0.50 (n = 4)"
    assert rows[2][1:] == ["-", "-"]
    assert rows[3][1] == "late 2.0 (n = 3), off 0.50 (n = 2)"
    assert place_table({TRUE: {8: Survival([Outcome(True)])}}) == []  # of the tabletop


def test_which_lengths_lie_inside_the_horizon():
    assert inside(found()) == "Lengths inside the horizon: m, sliding (12 frames): 8."
    assert inside({TRUE: {8: Survival([YES])}}) == ""


def test_a_page_and_its_figures(tmp_path):
    asked = {"world": "tabletop", "lengths": (8, 16), "num_steps": None}
    page, data = write(found(), "tabletop", asked, tmp_path / "o.md")
    assert command(asked) == "kinema probe occlusion --world tabletop --lengths [8,16]"
    assert command(asked) in page.read_text() and "judge reads" in page.read_text()
    assert json.loads(data.read_text())["m, sliding"]["8"]["outcomes"][1]["late"] == -4
