import json

import numpy as np
import pytest

from kinema.probes.drift.curves import joins_of
from kinema.probes.drift.probe import TRUE, DriftFindings, DriftProbe
from kinema.probes.drift.report import report_of
from kinema.reports.report import json_values


def test_the_record_is_json_where_there_are_no_joins():
    none = joins_of(np.zeros((3, 4, 4, 3), np.uint8), [])
    curve = {"motion": [1.0, float("nan")], "velocity": [[0.5, float("inf")]]}
    found = DriftFindings(DriftProbe(), [0], 3, {TRUE: [curve]}, {"m, blend": [none]})
    told = json.loads(json.dumps(json_values(found)), parse_constant=pytest.fail)
    assert told["curves"][TRUE] == [{"motion": [1.0, None], "velocity": [[0.5, None]]}]
    assert told["joins"]["m, blend"] == [{"at": None, "latents": 0.0, "inside": 0.0, "count": 0}]


def test_the_page_names_the_command_that_makes_it_again(tmp_path):
    probe = DriftProbe(("runs/a",), ("sliding",), 25, folder="elsewhere", num_given=5, every=8)
    places, curve = [0, 8], {name: [0.0, 0.0] for name in ("identity", "motion", "color")}
    curve |= {"sharpness": [0.0, 0.0], "judge": [1.0, 1.0], "velocity": [[0.0, 0.0]] * 2}
    report = report_of(DriftFindings(probe, places, 9, {TRUE: [curve]}))
    assert (
        "`kinema probe drift --models '[runs/a]' --strategies '[sliding]' --num-frames 25 "
        "--num-clips 8 --world tabletop --report drift.md`"
    ) in report.page(tmp_path / "drift.md")
