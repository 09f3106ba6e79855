import numpy as np
import pytest
import torch

from kinema import clips
from kinema.errors import UserError
from kinema.video import Output
from kinema.video.output import appended, converted


def output(n: int) -> Output:
    frames = np.zeros((n, 5, 16, 24, 3), np.uint8)
    return Output(frames, 16, ["a red ball"] * n, list(range(7, 7 + n)), {"num_steps": 3})


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".mkv"])
def test_one_video_with_its_recipe_inside(tmp_path, suffix):
    assert output(1).save(tmp_path / f"ball{suffix}") == [tmp_path / f"ball{suffix}"]
    clip = clips.read(tmp_path / f"ball{suffix}")
    assert clip.text == "a red ball"
    assert clip.metadata == {
        "prompt": "a red ball",
        "seed": 7,
        "settings": {"num_steps": 3, "story": [[0, "a red ball"]], "first_seed": 7},
        "joins": [],
    }


def test_several_videos_and_a_sheet(tmp_path):
    files = output(3).save(tmp_path / "ball.mp4")
    assert [f.name for f in files] == ["ball-0.mp4", "ball-1.mp4", "ball-2.mp4", "ball.png"]
    assert [clips.read_metadata(f)["seed"] for f in files[:3]] == [7, 8, 9]


def test_an_unknown_suffix(tmp_path):
    with pytest.raises(UserError, match="suffix"):
        output(1).save(tmp_path / "ball.avi")


@pytest.mark.parametrize("output_type", ["np", "pt", "pil"])
def test_frames_of_every_type_are_the_same_frames(tmp_path, output_type):
    video = torch.rand(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = clips.to_frames(video)
    parts = [converted(video[:1], output_type), converted(video[1:], output_type)]
    made = Output(appended(parts), 16, ["a", "b"], [0, 1], output_type=output_type)
    assert all(np.array_equal(a, b) for a, b in zip(made.arrays(), expected, strict=True))
    assert len(made.save(tmp_path / "x.mkv")) == 3
    if output_type == "pt":
        assert made.frames.shape == (2, 4, 3, 8, 8)
        torch.testing.assert_close(made.frames[1, 2, 0], (video[1, 0, 2] + 1) / 2)
    if output_type == "pil":
        assert made.frames[1][3].size == (8, 8)


def test_latents_are_not_saved_as_frames(tmp_path):
    latents = Output(torch.zeros(1, 4, 2, 2, 2), 16, ["a"], [0], output_type="latent")
    with pytest.raises(UserError, match="Latents are no frames"):
        latents.save(tmp_path / "x.mkv")
