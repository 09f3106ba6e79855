import numpy as np
import pytest

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.metrics.evidence import Score
from studies import ruler
from studies.ruler import report, sources, specimens, summary
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.specimens import Specimen, examine, load_specimens, save_specimens


def test_one_clip_through_the_mill():
    frames = np.random.default_rng(0).integers(0, 256, (8, 24, 32, 3), dtype=np.uint8)
    one = examine("x", frames, seed=0, strengths=(1,))
    assert one.corrupted.keys() == CORRUPTIONS.keys()
    assert len(one.reencoded) == 3


def test_what_is_kept_is_read_again_bit_for_bit(tmp_path):
    score = Score(1 / 3, np.array([np.nan, 0.1]), 1e-17)
    specimen = Specimen("a", {"noise": score}, [{"noise": score}], {"cut": [{"noise": score}]})
    cache = str(tmp_path / "vectors.json")
    assert load_specimens(cache) == load_specimens(None) == {}
    save_specimens(cache, {"a": specimen})
    again = load_specimens(cache)["a"]
    for vector in (again.clean, again.reencoded[0], again.corrupted["cut"][0]):
        assert (vector["noise"].value, vector["noise"].error) == (1 / 3, 1e-17)
        np.testing.assert_array_equal(vector["noise"].curve, score.curve)


@pytest.mark.parametrize("text", ["", "[1]", '[{"name": "a"}]', "7", '[{"name": "a", "clean": 1}]'])
def test_a_file_that_holds_none_is_told(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match="a.json holds no vectors of the ruler"):
        load_specimens(str(tmp_path / "a.json"))


def test_the_command_judges_worlds_and_files(pan, tmp_path, monkeypatch, capsys):
    """The whole way, with one cheap corruption and small frames."""
    monkeypatch.setattr(sources, "SIZE", 32)
    monkeypatch.setattr(sources, "NUM_FRAMES", 8)
    for module in (specimens, summary, report):
        monkeypatch.setattr(module, "CORRUPTIONS", {"frozen": CORRUPTIONS["frozen"]})
    for seed in range(3):
        clips.write(Clip(pan(8, seed, size=32), fps=25), tmp_path / f"{seed}.mp4")
    files = [str(tmp_path / f"{seed}.mp4") for seed in range(3)]
    page, cache = tmp_path / "page.md", tmp_path / "vectors.json"
    options = {"num_worlds": 1, "report": str(page), "cache": str(cache), "jobs": 1}
    ruler.run(files, **options)
    assert "| frozen | 1  | frozen | 100 / 100 | 51-100 | 100 / 100 |" in page.read_text()
    capsys.readouterr()
    ruler.run(files, **options)
    assert "of 4:" not in capsys.readouterr().out  # nothing is measured twice
    ruler.run(files, seed=7, **options | {"cache": None})
    assert "tabletop 7\n" in capsys.readouterr().out
    assert "--seed 7 --report page.md" in page.read_text()
    assert "4 clips of 20 frames from 4 worlds and files" in page.read_text()


def test_too_few_clips_are_refused(tmp_path):
    with pytest.raises(UserError, match="at least 4"):
        ruler.run(num_worlds=2, report=str(tmp_path / "x.md"))
