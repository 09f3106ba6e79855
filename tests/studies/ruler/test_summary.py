from dataclasses import replace

import numpy as np
import pytest

from kinema.metrics.evidence import Score
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS
from studies.ruler import summary as module
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.specimens import Specimen
from studies.ruler.summary import auc, fit, found_paired, summarize, usual_most


def vector(**scores):
    return {
        name: Score(scores.get(name, 0.1), np.full(8, scores.get(name, 0.1))) for name in METRICS
    }


def specimen(number, noise=20.0):
    quiet = vector(noise=0.2 + 0.01 * number)
    loud = [vector(noise=level) for level in (noise / 4, noise / 2, noise)]
    corrupted = {name: [quiet] * 3 for name in CORRUPTIONS} | {"noise": loud}
    return Specimen(f"clip {number}", quiet, [quiet] * 3, corrupted)


def test_auc_of_known_draws():
    assert auc([3, 4], [1, 2]) == 1
    assert auc([1, 2], [1, 2]) == 0.5
    assert auc([1], [2]) == 0


def test_what_cannot_be_told_counts_neither_way():
    assert auc([3, np.nan], [np.nan, 1]) == 1
    assert auc([np.nan], [1]) == 0.5
    told, untold = specimen(0), specimen(1)
    untold.clean = untold.clean | vector(strain=np.nan)
    for fitted in (fit([told, untold]), fit([untold])):
        assert fitted["collapse"] == FAULTS["collapse"]
    assert "collapse" not in found_paired(vector(strain=9.0), untold.clean, FAULTS)


def test_what_is_found_and_what_is_missed():
    summary = summarize([specimen(n) for n in range(6)])
    row, column = list(CORRUPTIONS).index("noise"), list(METRICS).index("noise")
    assert summary.auc[row, column] == summary.paired[row, column] == 1
    assert summary.monotonic[row, column] == 1
    assert summary.alone["noise"] == summary.compared["noise"] == (1, 1)
    assert summary.compared["jitter"] == (0, 0)
    assert summary.false_alone == 0
    assert set(summary.false_compared.values()) == {0}


def test_thresholds_lie_above_what_clean_clips_do():
    loud = [specimen(n) for n in range(4)]
    for one in loud:
        one.clean = vector(noise=5.0)
        one.reencoded = [vector(noise=9.0)] * 3
    (rule,) = fit(loud)["noise"].rules
    (shipped,) = FAULTS["noise"].rules
    assert rule.alone == pytest.approx(5.5)
    assert rule.paired == pytest.approx(
        1.1 * shipped.change(loud[0].reencoded[0]["noise"], loud[0].clean["noise"])
    )
    (kept,) = fit([specimen(n) for n in range(4)])["noise"].rules
    assert kept.alone == shipped.alone


def test_one_in_twenty_is_spared():
    assert usual_most(list(range(20))) == 18
    assert usual_most(list(range(21))) == 18
    assert usual_most([5.0]) == 5


def test_stretches_of_one_file_are_judged_together(monkeypatch):
    fitted = []
    monkeypatch.setattr(module, "fit", lambda half: fitted.append(half) or FAULTS)
    names = ["a.mp4 from 0", "a.mp4 from 20", "tabletop 1", "b from c.gif from 3", "tabletop 2"]
    summary = summarize([replace(specimen(n), name=name) for n, name in enumerate(names)])
    assert (summary.num_clips, summary.num_sources) == (5, 4)
    halves = [[s.name for s in half] for half in fitted[:2]]
    assert halves == [["tabletop 1", "tabletop 2"], [names[0], names[1], names[3]]]
