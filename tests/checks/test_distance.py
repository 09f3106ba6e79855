import json

import numpy as np
import pytest
import torch
from torch import nn

from kinema import clips
from kinema.checks.distance import Looking, run, set_distance
from kinema.cli import main
from kinema.errors import Notice, UserError
from kinema.metrics.features.i3d import I3D


def write_clips(folder, count, color, seed):
    """Noise of one color: what a detector that averages sees is that color."""
    generator = np.random.default_rng(seed)
    for index in range(count):
        mean = np.array(color) + generator.normal(0, 8, 3)
        frames = mean + generator.normal(0, 20, (10, 16, 16, 3))
        frames = frames.clip(0, 255).astype(np.uint8)
        clips.write(clips.Clip(frames, 8.0), folder / f"{index:02}.mkv")


class MeanColor(nn.Module):
    """Stands for I3D, whose weights do not ship."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=[2, 3, 4])


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    write_clips(root / "real", 24, (120, 120, 120), 0)
    write_clips(root / "alike", 16, (120, 120, 120), 1)
    write_clips(root / "red", 16, (180, 100, 100), 2)
    (root / "i3d_torchscript.pt").write_bytes(b"weights")
    return root


def test_i3d_tells_red_from_gray_and_gray_from_nothing(root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(I3D, "from_file", classmethod(lambda cls, path: MeanColor()))
    arguments = ["--features", "i3d", "--weights", str(root / "i3d_torchscript.pt"),
                 "--num-frames", "10", "--device", "cpu"]  # fmt: skip
    output = tmp_path / "o.json"
    status = main(
        ["distance", str(root / "red"), str(root / "real"), *arguments, "--json", str(output)]
    )
    assert status == 0
    printed = capsys.readouterr().out
    about = "16 against 24 clips, 10 frames at 8 and 8 fps, squash, weights i3d_torchscript.pt"
    assert about in printed
    (found,) = json.loads(output.read_text())["distances"]
    assert found["kernel"]["interval"][0] > found["kernel"]["floor"][1]
    assert found["frechet"]["num_resampled"] == 8
    # |difference of the mean colors|^2, in units of [-1, 1]
    assert found["frechet"]["value"] == pytest.approx((60**2 + 20**2 + 20**2) / 127.5**2, rel=0.25)
    looking = Looking("i3d", str(root / "i3d_torchscript.pt"), 10)
    sides = [sorted((root / name).iterdir()) for name in ("alike", "real")]
    assert not set_distance(*sides, looking).kernel.differs


def test_without_weights(root, capsys):
    assert main(["distance", str(root / "red"), str(root / "real"), "--features", "appearance",
                 "--num_frames", "2", "--json", "-"]) == 0  # fmt: skip
    (found,) = json.loads(capsys.readouterr().out)["distances"]
    assert found["frechet"] is None
    assert "needs 98 clips" in found["refusal"]


def test_short_clips_are_named_and_too_few_are_refused(root):
    files = sorted((root / "real").iterdir())
    with pytest.warns(Notice, match="10 of 11 frames"), pytest.raises(UserError):
        set_distance(files, files, Looking("appearance", num_frames=11))
    with pytest.raises(UserError, match="at least 16"):
        set_distance(files[:15], files, Looking("appearance", num_frames=2))


@pytest.mark.parametrize(
    "sentence, options",
    [
        ("did you mean 'i3d'", {"features": "i3"}),
        ("needs --weights: a file", {"features": "i3d"}),
        ("takes no weights", {"features": "motion", "weights": "x.pt"}),
        ("at least 10", {"features": "i3d", "weights": "x.pt", "num_frames": 9}),
    ],
)
def test_mistakes_are_one_sentence(sentence, options):
    with pytest.raises(UserError, match=sentence):
        Looking(**options)


def test_a_file_is_no_folder(root):
    with pytest.raises(UserError, match="is no folder"):
        run(str(root / "i3d_torchscript.pt"), str(root / "real"), [Looking("motion")])
