import json

import numpy as np
import pytest
import torch

from kinema.clips import Clip, write
from kinema.codecs import CausalVAE, CausalVAEConfig, Pixels
from kinema.errors import UserError
from kinema.probes.codec import CodecProbe, probe, run
from kinema.probes.codec.baselines import BASELINES

SMALL = CausalVAEConfig(widths=(8, 8), encoder_depth=(0, 0), decoder_depth=(0, 0))


def smooth_clip(num_frames: int = 9, size: tuple[int, int] = (16, 24)) -> np.ndarray:
    """A soft wave that drifts: low frequencies only."""
    t, y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in (num_frames, *size)), indexing="ij")
    wave = 128 + 90 * np.sin(2 * x + 1.5 * y + t)
    return np.stack([wave, 255 - wave, wave * 0 + 100], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A codec as it starts, saved on its own."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("codec")
    CausalVAE(SMALL).save_pretrained(path)
    return path


def test_pixels_lose_nothing_and_flicker_is_0():
    scores = probe.score_codings(Pixels(), [smooth_clip()])[0]["codec"]
    assert scores.psnr == [float("inf")]
    assert scores.ssim == pytest.approx([1.0])
    assert scores.flicker == [0.0]
    assert scores.values == 1.0


def test_the_codec_comes_first_and_baselines_keep_as_many_values():
    clips = [smooth_clip(), smooth_clip(5, (12, 16))]
    scores, coded = probe.score_codings(CausalVAE(SMALL), clips)
    assert [back.shape for back in coded["codec"]] == [clip.shape for clip in clips]
    assert list(scores) == ["codec", *BASELINES]
    assert all(len(row.psnr) == 2 for row in scores.values())
    values = {name: row.values for name, row in scores.items()}
    assert values.pop("identity") == 1.0
    expected = np.mean([9 * 16 * 24 * 3 / (8 * 3 * 2 * 3), 5 * 12 * 16 * 3 / (8 * 2 * 2 * 2)])
    assert list(values.values()) == pytest.approx([expected] * len(values))
    assert scores["codec"].bits == pytest.approx(expected / 2)


def test_a_table_is_printed_and_a_report_written(folder, tmp_path, capsys):
    report = tmp_path / "out" / "codec.md"
    run(CodecProbe((), str(folder), num_clips=2, num_frames=5, size=16)).publish(str(report))
    printed = capsys.readouterr().out
    assert "n = 2" in printed and "PSNR" in printed and "+-" in printed
    assert "lowest cosines" in report.read_text()
    figures = json.loads(report.with_suffix(".json").read_text())
    assert len(figures["codec"]["psnr"]) == 2
    assert report.with_suffix(".png").stat().st_size > 1000
    assert report.with_name("codec-seams.png").stat().st_size > 1000


def test_files_are_cut_into_clips(tmp_path):
    path = tmp_path / "wave.mp4"
    write(Clip(smooth_clip(7, (32, 64)), fps=8), path)
    found = probe.clips_of_files(CodecProbe([str(path)], num_clips=9, num_frames=3, size=16))
    assert [clip.shape for clip in found] == [(3, 16, 32, 3), (3, 16, 32, 3), (1, 16, 32, 3)]
    twice = CodecProbe([str(path)] * 2, num_clips=4, num_frames=3, size=16)
    assert len(probe.clips_of_files(twice)) == 4


def test_other_codecs_stand_beside_it_with_their_own_numbers_of_values(folder, tmp_path):
    report, other = tmp_path / "codec.md", str(folder)
    run(CodecProbe((), other, (other,), 1, num_frames=5, size=16)).publish(str(report))
    figures = json.loads(report.with_suffix(".json").read_text())
    assert list(figures)[:2] == ["codec", other]
    assert figures[other]["psnr"] == figures["codec"]["psnr"]
    assert len(figures[other]["flicker_over_time"]) == 4
    others = {"pixels": Pixels()}
    scores, _ = probe.score_codings(CausalVAE(SMALL), [smooth_clip()], others)
    assert list(scores)[:2] == ["codec", "pixels"]
    assert scores["pixels"].values == 1 and scores["codec"].values > 20


@pytest.mark.parametrize("options", [{"num_clips": 0}, {"num_frames": 0}, {"size": 8}])
def test_numbers_that_make_no_sense_are_refused(folder, options):
    with pytest.raises(UserError, match="must be (1 or more|from 11)"):
        CodecProbe(**options)


def test_no_clips_and_no_model_are_refused(tmp_path):
    with pytest.raises(UserError, match="no clips"):
        probe.score_codings(Pixels(), [])
    with pytest.raises(UserError, match="nowhere"):
        probe.load_codec(str(tmp_path / "nowhere"))


def test_an_autoencoder_of_diffusers_is_probed_like_ours(tmp_path, capsys):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    vae.save_pretrained(tmp_path / "pipeline" / "vae")
    file = tmp_path / "clip.mp4"
    write(Clip(smooth_clip(), 8.0), file)
    run(CodecProbe([str(file)], str(tmp_path / "pipeline"), num_frames=5, size=16)).show()
    assert "n = 2" in capsys.readouterr().out
