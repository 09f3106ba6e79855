import numpy as np

from kinema import clips
from kinema.clips import Clip
from studies.ruler.sources import excerpts_of


def test_excerpts_lie_within_shots_and_do_not_overlap(pan, tmp_path):
    dark, bright = pan(45) // 4, 255 - pan(25, seed=3) // 4
    clips.write(Clip(np.concatenate([dark, bright]), fps=25), tmp_path / "two.mp4")
    found = excerpts_of(tmp_path / "two.mp4", 9)
    assert [source.start for source in found] == [0, 20, 45]
    assert [source.start for source in excerpts_of(tmp_path / "two.mp4", 2)] == [0, 45]
    later = excerpts_of(tmp_path / "two.mp4", 9, later=10)
    assert [source.start for source in later] == [10, 50]
    assert found[2].load().shape == (20, 48, 48, 3)
    assert found[2].load().mean() > 2 * found[1].load().mean()
