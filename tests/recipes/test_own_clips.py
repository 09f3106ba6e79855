import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema.cli import main
from kinema.clips import Clip, write
from kinema.codecs import CausalVAE
from kinema.errors import UserError
from kinema.metrics.features.lpips import alexnet
from kinema.recipes import codec

SMALL = ["--codec.widths", "[8,8]", "--codec.encoder_depth", "[0,0]", "--codec.decoder_depth",
         "[0,0]", "--adversarial.dim", "8", "--adversarial.depth", "1"]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Three files of a drifting wave, and the list of them."""
    rows = []
    for number in range(3):
        t, y, x = np.meshgrid(np.arange(12), np.arange(24), np.arange(32), indexing="ij")
        wave = 128 + 90 * np.sin((x + t + 5 * number) / 4 + y / 7)
        frames = np.stack([wave, wave[:, ::-1], 255 - wave], axis=-1).astype(np.uint8)
        write(Clip(frames, fps=8.0), tmp_path / f"{number}.mp4")
        rows.append({"file_name": f"{number}.mp4", "text": "a wave"})
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_what_is_held_out_is_what_the_folder_leaves_out(folder):
    run = codec()
    run.data = replace(run.data, folder=str(folder), num_frames=9, size=16)
    unseen = run.never_trained_on()
    trained = {item.name for item in run.data.clips.items}
    assert not trained & {item.name for item in unseen.clips.items}
    assert (unseen.folder, unseen.size, unseen.num_frames) == (str(folder), 16, 9)
    run.data.part = "all"
    with pytest.raises(UserError, match="no clips are held out"):
        run.never_trained_on()


def test_a_folder_trains_a_codec_from_the_command_line(folder, capsys):
    options = ["--folder", f"{folder}/run", "--cache", f"{folder}/cache", "--workers", "0"]
    options += ["--loop.num_samples", "16", "--loop.log_every", "1", "--adversarial.start", "4"]
    options += ["--data.folder", str(folder), "--data.num_frames", "9", "--data.size", "16"]
    options += ["--data.num_clips", "8", "--held_out.num_clips", "4"]
    assert main(["train", "codec", *options, *SMALL]) == 0
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    named = set().union(*lines)
    of_the_codec = {"pixels", "outlines", "motion", "flow", "perceptual", "kl", "equivariance"}
    of_the_game = {"deception_spatial", "discriminator_temporal", "balance_temporal"}
    assert of_the_codec | of_the_game | {"held_out_loss_final"} <= named
    assert CausalVAE.from_pretrained(folder / "run" / "final").channels == 16


@pytest.fixture
def lpips_files(tmp_path, fill_weights):
    """Random weights of the real AlexNet and of its heads, in the published layouts."""
    trunk = alexnet()
    with torch.no_grad():
        tensors = fill_weights(torch.nn.ModuleDict({"features": trunk.layers})).state_dict()
    torch.save(tensors, tmp_path / "alexnet.pth")
    heads = {f"lin{i}.model.1.weight": torch.ones(1, n, 1, 1) for i, n in enumerate(trunk.widths)}
    torch.save(heads, tmp_path / "alex.pth")
    return ["--lpips.trunk", f"{tmp_path}/alexnet.pth", "--lpips.heads", f"{tmp_path}/alex.pth"]


def test_lpips_takes_part_in_training_from_the_command_line(folder, lpips_files):
    def trained(name, options):
        options = [*options, "--folder", f"{folder}/{name}", "--cache", f"{folder}/cache"]
        options += ["--data.folder", str(folder), "--data.num_frames", "1", "--data.size", "32"]
        options += ["--data.num_clips", "4", "--held_out.num_clips", "4", "--sizes", "[1.0]"]
        options += ["--workers", "0", "--weights.flow", "0", "--adversarial.spatial", "0"]
        options += ["--adversarial.temporal", "0", "--loop.num_samples", "4"]
        assert main(["train", "codec", *options, "--loop.log_every", "1", *SMALL]) == 0
        lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").open()]
        return next(line["perceptual"] for line in lines if "perceptual" in line)

    with_network, without = trained("a", lpips_files), trained("b", [])
    assert with_network > 0 and with_network != without


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--lpips.heads", ""], "--lpips.trunk names a file and --lpips.heads none"),
        (["--lpips.trunk", "none.pth"], "none.pth: this file does not exist"),
        (["--weights.perceptual", "0"], "--weights.perceptual is 0"),
        (["--data.size", "48"], "at least 31 pixels a side, and this run cuts clips of 24"),
    ],
)
def test_lpips_that_cannot_be_is_one_sentence(folder, lpips_files, capsys, changes, said):
    options = ["--data.folder", str(folder), "--workers", "0", "--folder", f"{folder}/run"]
    assert main(["train", "codec", *options, *lpips_files, *changes, *SMALL]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (folder / "run").exists()


def test_a_folder_of_one_file_has_nothing_to_hold_out(folder, capsys):
    (folder / "metadata.jsonl").write_text('{"file_name": "0.mp4", "text": ""}\n')
    options = ["--data.folder", str(folder), "--held_out.folder", str(folder), "--data.num_frames",
               "9", "--folder", str(folder / "run"), "--workers", "0"]  # fmt: skip
    assert main(["train", "codec", *options, *SMALL]) == 2
    assert "no part can be held out" in " ".join(capsys.readouterr().err.split())
    assert not (folder / "run").exists()
