import numpy as np
import pytest

from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS
from kinema.probes import metrics
from kinema.probes.corruptions import CORRUPTIONS


def vector(**scores):
    return {
        name: Score(scores.get(name, 0.1), np.full(8, scores.get(name, 0.1))) for name in METRICS
    }


def specimen(number, noise=20.0):
    quiet = vector(noise=0.2 + 0.01 * number)
    loud = [vector(noise=level) for level in (noise / 4, noise / 2, noise)]
    corrupted = {name: [quiet] * 3 for name in CORRUPTIONS} | {"noise": loud}
    return metrics.Specimen(f"clip {number}", quiet, [quiet] * 3, corrupted)


def test_auc_of_known_draws():
    assert metrics.auc([3, 4], [1, 2]) == 1
    assert metrics.auc([1, 2], [1, 2]) == 0.5
    assert metrics.auc([1], [2]) == 0


def test_what_is_found_and_what_is_missed():
    summary = metrics.summarise([specimen(n) for n in range(6)])
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
    (rule,) = metrics.fit(loud)["noise"].rules
    (shipped,) = FAULTS["noise"].rules
    assert rule.alone == pytest.approx(6.0)
    assert rule.paired == pytest.approx(
        1.2 * shipped.change(loud[0].reencoded[0]["noise"], loud[0].clean["noise"])
    )
    (kept,) = metrics.fit([specimen(n) for n in range(4)])["noise"].rules
    assert kept.alone == shipped.alone


def test_one_clip_through_the_mill():
    frames = np.random.default_rng(0).integers(0, 256, (8, 24, 32, 3), dtype=np.uint8)
    one = metrics.examine("x", frames, seed=0, strengths=(1,))
    assert one.corrupted.keys() == CORRUPTIONS.keys()
    assert len(one.reencoded) == 3


def test_too_few_clips_are_refused(tmp_path):
    with pytest.raises(UserError, match="at least 4"):
        metrics.run(num_worlds=2, output=str(tmp_path / "x.md"))
