"""The loop: it learns, it resumes exactly after `kill -9`, it survives non-finite losses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kinema.errors import UserError
from kinema.training import Loop, train

sys.path.insert(0, str(Path(__file__).parent))
from toy_run import Denoise1D, toy_loop

SCRIPT = Path(__file__).parent / "toy_run.py"


def losses(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_loss_falls_and_the_best_average_is_left_in_the_network(tmp_path):
    task = Denoise1D()
    before = task.validate()["loss"]
    train(task, toy_loop(8000), tmp_path)
    after = task.validate()["loss"]
    assert after < before / 4
    final = [line for line in losses(tmp_path) if "held_out_loss_final" in line][-1]
    assert final["held_out_loss_final"] == pytest.approx(after, rel=1e-4)


def test_killed_and_resumed_is_bit_for_bit_the_uninterrupted_run(tmp_path):
    """A real process, killed with SIGKILL at moments nobody chose, until it is done."""
    samples = 16 * 600
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(Denoise1D(), toy_loop(samples), whole)
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, SCRIPT, killed, str(samples)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        start = losses(killed)[-1]["samples"] if (killed / "metrics.jsonl").exists() else 0
        while process.poll() is None and kills < 3:
            time.sleep(0.02)
            lines = losses_so_far(killed)
            if lines and lines[-1]["samples"] > start + 16 * 40:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
        if process.wait() == 0:
            break
    assert kills == 3
    a, b = (load_file(f / "checkpoint.safetensors") for f in (whole, killed))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)

    def learned(folder):
        return [(x["samples"], x["loss"]) for x in losses(folder) if "loss" in x]

    assert learned(whole) == learned(killed)


def losses_so_far(folder: Path) -> list[dict]:
    path = folder / "metrics.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if "\n" in line]


def test_one_bad_step_is_skipped(tmp_path):
    state = train(Denoise1D(fail_at=range(20, 21)), toy_loop(1600), tmp_path)
    assert state.position.rollbacks == 0
    assert all(torch.isfinite(p).all() for p in state.network.parameters())


def test_repeated_bad_steps_send_the_run_back_once(tmp_path):
    state = train(Denoise1D(fail_at=range(20, 40)), toy_loop(1600), tmp_path)
    assert state.position.rollbacks == 1
    assert state.position.samples == 1600
    assert all(torch.isfinite(p).all() for p in state.network.parameters())


def test_a_loss_that_never_recovers_ends_the_run_with_one_sentence(tmp_path):
    task = Denoise1D(fail_at=range(20, 10**6), recovers=False)
    with pytest.raises(UserError, match="stays non-finite, 10 times back"):
        train(task, toy_loop(1600), tmp_path)


def test_what_was_written_beyond_the_checkpoint_is_forgotten_on_the_way_back(tmp_path):
    train(Denoise1D(fail_at=range(25, 40)), toy_loop(1600, checkpoint_minutes=60.0), tmp_path)
    lines = [line for line in losses(tmp_path) if "loss" in line]
    assert [line["samples"] for line in lines] == [80 * n for n in range(1, 21)]
    assert all(line["clips_per_second"] > 0 for line in lines)


def test_a_longer_run_continues_where_the_shorter_plateau_ended(tmp_path):
    train(Denoise1D(), toy_loop(1600), tmp_path)
    state = train(Denoise1D(), toy_loop(3200), tmp_path)
    assert state.position.samples == 3200


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"optimizer": "sgd"}, "optimizer 'sgd' is unknown"),
        ({"precision": "fp16"}, "precision 'fp16' is unknown"),
        ({"log_every": 0}, "log_every is 0, and must be at least 1"),
        ({"validate_every": 0}, "validate_every is 0"),
        ({"averages": ()}, "at least one relative width"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, told):
    with pytest.raises(UserError, match=told):
        Loop(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="torch finds no GPU here; use cpu"):
        Loop(device="cuda")
