import numpy as np
import pytest

from kinema import clips
from kinema.errors import UserError
from kinema.video import Output


def output(n: int) -> Output:
    frames = np.zeros((n, 5, 16, 24, 3), np.uint8)
    return Output(frames, 16, ["a red ball"] * n, list(range(7, 7 + n)), {"num_steps": 3})


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".mkv"])
def test_one_video_with_its_recipe_inside(tmp_path, suffix):
    assert output(1).save(tmp_path / f"ball{suffix}") == [tmp_path / f"ball{suffix}"]
    clip = clips.read(tmp_path / f"ball{suffix}")
    assert clip.text == "a red ball"
    assert clip.metadata == {"prompt": "a red ball", "seed": 7, "settings": {"num_steps": 3}}


def test_several_videos_and_a_sheet(tmp_path):
    files = output(3).save(tmp_path / "ball.mp4")
    assert [f.name for f in files] == ["ball-0.mp4", "ball-1.mp4", "ball-2.mp4", "ball.png"]
    assert [clips.read_metadata(f)["seed"] for f in files[:3]] == [7, 8, 9]


def test_an_unknown_suffix(tmp_path):
    with pytest.raises(UserError, match="suffix"):
        output(1).save(tmp_path / "ball.avi")
