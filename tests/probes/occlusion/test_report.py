import json

from kinema.probes.drift.probe import TRUE
from kinema.probes.occlusion.probe import (
    HELD,
    OcclusionFindings,
    OcclusionProbe,
    Sight,
    Survival,
)
from kinema.probes.occlusion.report import (
    gap_table,
    horizon_table,
    place_table,
    report_of,
    survival_table,
)
from kinema.probes.occlusion.worlds import Outcome

GAPS = [11, 12, 13, 12]
YES, NO = Outcome(True, 1, 0.5), Outcome(False)


def found():
    return {
        TRUE: {8: Survival([YES] * 4), 16: Survival([YES, YES, YES, NO])},
        HELD: {8: Survival([NO] * 4), 16: Survival([NO] * 4)},
        "m, sliding": {8: Survival([YES, Outcome(False, -4), NO, YES], GAPS, Sight(12))},
    }


def test_survival_stands_beside_the_true_clips():
    rows = survival_table(found())
    assert rows[0] == ["", "hidden for 8", "hidden for 16"]
    assert rows[1][0] == TRUE and rows[1][2].startswith("75 (")
    assert rows[2][1].startswith("0 (")
    assert rows[3][1].startswith("50 (") and rows[3][2] == "-"


def test_how_late_and_how_far_off():
    rows = place_table(found())
    assert rows[1][1] == "late 1.0 (n = 4), off 0.50 (n = 4)"
    assert rows[2][1:] == ["-", "-"]
    assert rows[3][1] == "late 2.0 (n = 3), off 0.50 (n = 2)"
    assert place_table({TRUE: {8: Survival([Outcome(True)])}}) == []  # of the tabletop


def test_scenes_are_parted_by_their_own_gaps():
    sliding = {8: Survival([YES, NO], [12, 13], Sight(12)), 16: Survival([NO], [12], Sight(12))}
    header, row = horizon_table({TRUE: {8: Survival([YES], [12])}, "m, sliding": sliding})
    assert header[1:] == ["sees back (frames)", "inside the horizon", "outside"]
    assert row[:2] == ["m, sliding", "12"]
    assert row[2].startswith("50 (") and row[2].endswith("n = 2)")
    assert row[3].startswith("0 (") and row[3].endswith("n = 1)")
    far = {8: Survival([YES], [9], Sight(23, sinks=1))}
    assert horizon_table({"m, autoregressive": far})[1][1:] == [
        "23 and the first 1", "100 (21-100, n = 1)", "-"
    ]  # fmt: skip
    assert str(Sight(360, stride=15)) == "360, one in 15"


def test_survival_by_the_frames_to_be_bridged():
    short = Survival([YES, NO, YES], [12, 13, 16], Sight(12))
    long = Survival([NO], [25], Sight(12))
    found = {TRUE: {8: Survival([YES], [12])}, "m, sliding": {8: short, 16: long}}
    header, row = gap_table(found)
    assert header[1:] == ["up to 16", "17 to 20", "21 to 24", "more than 24"]
    assert [cell.split(" (")[0] for cell in row] == ["m, sliding", "67", "-", "-", "0"]


def test_a_page_and_its_figures(tmp_path):
    probe = OcclusionProbe(("m",), ("sliding",), (8, 16), world="tabletop")
    page, data = report_of(OcclusionFindings(probe, found())).write(tmp_path / "o.md")
    assert (
        "`kinema probe occlusion --models '[m]' --strategies '[sliding]' --lengths '[8,16]' "
        "--num-clips 16 --world tabletop --report o.md`"
    ) in page.read_text()
    assert "judge reads" in page.read_text()
    assert json.loads(data.read_text())["m, sliding"]["8"]["outcomes"][1]["late"] == -4
