import json

import numpy as np
import pytest

from kinema.probes.drift.curves import joins_of
from kinema.probes.drift.probe import TRUE, DriftProbe, Findings
from kinema.probes.drift.report import mean_and_interval, page, record


def test_the_record_is_json_where_there_are_no_joins():
    none = joins_of(np.zeros((3, 4, 4, 3), np.uint8), [])
    curve = {"motion": [1.0, float("nan")], "velocity": [[0.5, float("inf")]]}
    found = Findings(DriftProbe(), [0], 3, {TRUE: [curve]}, {"m, blend": [none]})
    told = json.loads(json.dumps(record(found)), parse_constant=pytest.fail)
    assert told["curves"][TRUE] == [{"motion": [1.0, None], "velocity": [[0.5, None]]}]
    assert told["joins"]["m, blend"] == [{"at": None, "latents": 0.0, "inside": 0.0, "count": 0}]


def test_a_mean_and_its_interval():
    mean, low, high = mean_and_interval(np.array([1.0, 3.0, np.nan]))
    assert (mean, low, high) == (2, 1, 3)
    assert np.isnan(mean_and_interval(np.array([np.nan]))).all()


def test_the_page_names_the_command_that_makes_it_again():
    probe = DriftProbe(("runs/a",), num_frames=25, folder="elsewhere", num_given=5, every=8)
    places, curve = [0, 8], {name: [0.0, 0.0] for name in ("identity", "motion", "colour")}
    curve |= {"sharpness": [0.0, 0.0], "judge": [1.0, 1.0], "velocity": [[0.0, 0.0]] * 2}
    text = page(Findings(probe, places, 9, {TRUE: [curve]}), "plot.png")
    assert (
        "`kinema probe drift --models [runs/a] --strategies [sliding] --num_frames 25 "
        "--num_clips 8 --world tabletop`"
    ) in text
