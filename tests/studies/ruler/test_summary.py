from dataclasses import replace

import numpy as np
import pytest

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS
from studies.ruler import page as metrics_page
from studies.ruler import probe as metrics
from studies.ruler.corruptions import CORRUPTIONS


def vector(**scores):
    return {
        name: Score(scores.get(name, 0.1), np.full(8, scores.get(name, 0.1))) for name in METRICS
    }


def specimen(number, noise=20.0):
    quiet = vector(noise=0.2 + 0.01 * number)
    loud = [vector(noise=level) for level in (noise / 4, noise / 2, noise)]
    corrupted = {name: [quiet] * 3 for name in CORRUPTIONS} | {"noise": loud}
    return metrics.Specimen(f"clip {number}", quiet, [quiet] * 3, corrupted)


def pan(num_frames, seed=0, size=48):
    """A blocky wall that moves two pixels a frame."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (size // 4, (size + 2 * num_frames) // 4 + 1, 3), dtype=np.uint8)
    wall = blocks.repeat(4, 0).repeat(4, 1)
    return np.stack([wall[:, 2 * t : 2 * t + size] for t in range(num_frames)])


def test_auc_of_known_draws():
    assert metrics.auc([3, 4], [1, 2]) == 1
    assert metrics.auc([1, 2], [1, 2]) == 0.5
    assert metrics.auc([1], [2]) == 0


def test_what_cannot_be_told_counts_neither_way():
    assert metrics.auc([3, np.nan], [np.nan, 1]) == 1
    assert metrics.auc([np.nan], [1]) == 0.5
    told, untold = specimen(0), specimen(1)
    untold.clean = untold.clean | vector(strain=np.nan)
    for fitted in (metrics.fit([told, untold]), metrics.fit([untold])):
        assert fitted["collapse"] == FAULTS["collapse"]
    assert "collapse" not in metrics.found_paired(vector(strain=9.0), untold.clean, FAULTS)


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
    assert rule.alone == pytest.approx(5.5)
    assert rule.paired == pytest.approx(
        1.1 * shipped.change(loud[0].reencoded[0]["noise"], loud[0].clean["noise"])
    )
    (kept,) = metrics.fit([specimen(n) for n in range(4)])["noise"].rules
    assert kept.alone == shipped.alone


def test_one_clip_through_the_mill():
    frames = np.random.default_rng(0).integers(0, 256, (8, 24, 32, 3), dtype=np.uint8)
    one = metrics.examine("x", frames, seed=0, strengths=(1,))
    assert one.corrupted.keys() == CORRUPTIONS.keys()
    assert len(one.reencoded) == 3


def test_one_in_twenty_is_spared():
    assert metrics._usual_most(list(range(20))) == 18
    assert metrics._usual_most(list(range(21))) == 18
    assert metrics._usual_most([5.0]) == 5


def test_excerpts_lie_within_shots_and_do_not_overlap(tmp_path):
    dark, bright = pan(45) // 4, 255 - pan(25, seed=3) // 4
    clips.write(Clip(np.concatenate([dark, bright]), fps=25), tmp_path / "two.mp4")
    found = metrics._excerpts(tmp_path / "two.mp4", 9)
    assert [source.start for source in found] == [0, 20, 45]
    assert [source.start for source in metrics._excerpts(tmp_path / "two.mp4", 2)] == [0, 45]
    later = metrics._excerpts(tmp_path / "two.mp4", 9, later=10)
    assert [source.start for source in later] == [10, 50]
    assert found[2].load().shape == (20, 48, 48, 3)
    assert found[2].load().mean() > 2 * found[1].load().mean()


def test_the_command_judges_worlds_and_files(tmp_path, monkeypatch, capsys):
    """The whole way, with one cheap corruption and small frames."""
    monkeypatch.setattr(metrics, "SIZE", 32)
    monkeypatch.setattr(metrics, "NUM_FRAMES", 8)
    for module in (metrics, metrics_page):
        monkeypatch.setattr(module, "CORRUPTIONS", {"frozen": CORRUPTIONS["frozen"]})
    for seed in range(3):
        clips.write(Clip(pan(8, seed, size=32), fps=25), tmp_path / f"{seed}.mp4")
    files = [str(tmp_path / f"{seed}.mp4") for seed in range(3)]
    page, cache = tmp_path / "page.md", tmp_path / "vectors.pkl"
    options = {"num_worlds": 1, "output": str(page), "cache": str(cache), "jobs": 1}
    assert metrics.run(files, **options) == 0
    assert "| frozen | 1  | frozen | 100 / 100 | 51 to 100 | 100 / 100 |" in page.read_text()
    capsys.readouterr()
    assert metrics.run(files, **options) == 0
    assert "of 4:" not in capsys.readouterr().out  # nothing is measured twice
    assert metrics.run(files, seed=7, **options | {"cache": None}) == 0
    assert "tabletop 7\n" in capsys.readouterr().out
    assert ", seed 7, 4 clips of 20 frames from 4 worlds and files" in page.read_text()


def test_stretches_of_one_file_are_judged_together(monkeypatch):
    fitted = []
    monkeypatch.setattr(metrics, "fit", lambda half: fitted.append(half) or FAULTS)
    names = ["a.mp4 from 0", "a.mp4 from 20", "tabletop 1", "b from c.gif from 3", "tabletop 2"]
    summary = metrics.summarise([replace(specimen(n), name=name) for n, name in enumerate(names)])
    assert (summary.num_clips, summary.num_sources) == (5, 4)
    halves = [[s.name for s in half] for half in fitted[:2]]
    assert halves == [["tabletop 1", "tabletop 2"], [names[0], names[1], names[3]]]


def test_too_few_clips_are_refused(tmp_path):
    with pytest.raises(UserError, match="at least 4"):
        metrics.run(num_worlds=2, output=str(tmp_path / "x.md"))
