import json
import subprocess

import pytest

import kinema
from kinema.errors import UserError
from studies.scaling.training import clips_per_second, is_finished, learning_curve, train

TINY = [
    *("--data.num_frames", "6", "--data.size", "16", "--num_unseen", "4"),
    *("--denoiser.dim", "32", "--denoiser.depth", "1", "--loop.log_every", "1"),
]


def test_a_run_is_trained_by_the_command_and_only_once(tmp_path, monkeypatch):
    final = train("uniform", 32, tmp_path / "run", [*TINY, "--denoiser.attention", "causal"])
    system = kinema.load(str(final))
    assert system.denoiser.config.causal and system.denoiser.config.dim == 32
    samples, errors = learning_curve(tmp_path / "run")
    assert samples == [8, 16, 24, 32] and all(error > 0 for error in errors)
    assert clips_per_second(tmp_path / "run") > 0
    monkeypatch.setattr(subprocess, "run", None)
    assert train("uniform", 32, tmp_path / "run", TINY) == final


def test_a_training_that_fails_is_told(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 2)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(UserError, match="ended with status 2, its reason is printed above"):
        train("uniform", 8, tmp_path, [])


def test_what_the_journal_says(tmp_path):
    assert not is_finished(tmp_path) and learning_curve(tmp_path) == ([], [])
    assert clips_per_second(tmp_path) == 0.0
    lines = [
        {"samples": 8, "clips_per_second": 10.0},
        {"samples": 8, "held_out_velocity_error": 2.0, "held_out_loss": 1.0},
        {"samples": 16, "clips_per_second": 30.0},  # 8 clips in 0.8 s, 8 in 0.27 s: 15 a second
        {"samples": 16, "held_out_velocity_error": 1.0, "held_out_loss": 1.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert learning_curve(tmp_path) == ([8, 16], [2.0, 1.0])
    assert clips_per_second(tmp_path) == pytest.approx(15.0)
    assert not is_finished(tmp_path)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"samples": 16, "held_out_loss_final": 1.0}\n')
    assert is_finished(tmp_path)
