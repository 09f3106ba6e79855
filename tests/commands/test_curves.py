import json
import sys

import pytest
from PIL import Image

from kinema import cli
from kinema.commands.curves import panels, read_curves
from kinema.errors import UserError

LINES = [
    {"samples": 32, "loss": 1.0, "clips_per_second": 3.0},
    {"samples": 64, "loss": 0.5, "clips_per_second": float("nan"), "note": "text"},
    {"samples": 64, "held_out_loss": 0.6, "held_out_loss_ema0.1": 0.7, "held_out_psnr": 30},
    {"samples": 64, "held_out_loss_final": 0.6},
]


@pytest.fixture
def a_run(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return tmp_path


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main(["plot", *argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_curves_are_what_was_written(a_run):
    curves = read_curves(a_run)
    assert curves["loss"] == ([32.0, 64.0], [1.0, 0.5])
    assert curves["clips_per_second"] == ([32.0], [3.0])  # what is no number is left out
    assert "note" not in curves


def test_training_and_held_out_share_a_panel(a_run):
    grouped = panels(read_curves(a_run))
    names = ["loss", "held_out_loss", "held_out_loss_ema0.1", "held_out_loss_final"]
    assert list(grouped) == ["loss", "clips_per_second", "psnr"]
    assert list(grouped["loss"]) == names


def test_a_run_becomes_a_picture(capsys, a_run):
    status, out, _ = run(capsys, str(a_run))
    assert (status, out) == (0, f"{a_run / 'curves.png'}\n")
    assert min(Image.open(a_run / "curves.png").size) > 300
    other = a_run / "other.png"
    assert run(capsys, str(a_run), "-o", str(other))[0] == 0 and other.exists()


def test_mistakes_are_one_sentence(capsys, a_run, tmp_path_factory):
    status, _, err = run(capsys, str(a_run), "-o", "x.pdf")
    assert status == 2 and "suffix .png" in err
    empty = tmp_path_factory.mktemp("empty")
    status, _, err = run(capsys, str(empty))
    assert status == 2 and "metrics.jsonl is missing" in err
    for text, said in [
        ("", "holds no numbers yet"),
        ('{"loss": 1}', "line 1 is not a line of a run"),
        ('{"samples": 1, "loss": 2}\n[3]', "line 2 is not a line of a run"),
    ]:
        (empty / "metrics.jsonl").write_text(text)
        with pytest.raises(UserError, match=said):
            read_curves(empty)


def test_without_matplotlib_it_says_what_to_install(capsys, a_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, _, err = run(capsys, str(a_run))
    assert status == 2 and "kinema[plots]" in err and not (a_run / "curves.png").exists()
