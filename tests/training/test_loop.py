"""The loop: it learns, it resumes exactly after `kill -9`, it survives non-finite losses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from kinema.blocks import precision
from kinema.blocks.precision import DTYPES
from kinema.errors import UserError
from kinema.training import Loop, Position, train
from kinema.training import loop as loop_module
from kinema.training.loop import begin, settled, take_step
from kinema.training.processes import Processes

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
    samples = 16 * 200
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(Denoise1D(), toy_loop(samples), whole)
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, SCRIPT, killed, str(samples), "0.0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        start = losses(killed)[-1]["samples"] if (killed / "metrics.jsonl").exists() else 0
        while process.poll() is None and kills < 2:
            time.sleep(0.02)
            lines = losses_so_far(killed)
            if lines and lines[-1]["samples"] > start + 16 * 20:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
        if process.wait() == 0:
            break
    assert kills == 2
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
    with pytest.raises(UserError, match="The loss stays non-finite, 10 times back"):
        train(task, toy_loop(1600), tmp_path)


def test_what_was_written_beyond_the_checkpoint_is_forgotten_on_the_way_back(tmp_path):
    train(Denoise1D(fail_at=range(25, 40)), toy_loop(1600), tmp_path)
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
        ({"log_every": 0}, "log_every is 0, and must be 1 or more"),
        ({"validate_every": 0}, "validate_every is 0"),
        ({"num_samples": 0}, "num_samples is 0"),
        ({"batch_size": -3}, "batch_size is -3"),
        ({"seed": -1}, "seed is -1, and must be from 0"),
        ({"warmup": -1}, "warmup is -1"),
        ({"learning_rate": -1e-3}, "learning_rate is -0.001, and must be 0 or more"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"decay_share": 1.5}, "decay_share is 1.5, and must be from 0 to 1"),
        ({"weight_decay": float("inf")}, "weight_decay is inf"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0, and must be more than 0"),
        ({"checkpoint_minutes": -1.0}, "checkpoint_minutes is -1.0"),
        ({"averages": ()}, "at least one relative width"),
        ({"averages": (0.1, 0.5)}, "up to 0.28"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, told):
    with pytest.raises(UserError, match=told):
        Loop(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="torch finds no GPU here; use cpu"):
        Loop(device="cuda")


class Slope:
    """A loss whose gradient is given."""

    def __init__(self, slope: torch.Tensor):
        self.network, self.slope = torch.nn.Linear(len(slope), 1, bias=False), slope

    def loss(self, position: Position, batch_size: int, rows: slice):
        return (self.network.weight[0] * self.slope).sum(), {}


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=5), st.floats(0.01, 100))
def test_a_gradient_is_shortened_to_the_norm_and_never_turned_or_lengthened(slope, clip_norm):
    task, seen = Slope(torch.tensor(slope)), []
    loop = toy_loop(160, clip_norm=clip_norm)
    with TemporaryDirectory() as folder:
        state = begin(task, loop, Path(folder) / "checkpoint.safetensors", Processes())
    state.optimizers[0].step = lambda: seen.append(task.network.weight.grad[0].clone())
    parts = take_step(task, loop, state, Processes())[1]
    norm = task.slope.norm().item()
    assert parts["grad_norm"] == pytest.approx(norm, rel=1e-5)
    expected = task.slope * min(1.0, clip_norm / (norm + 1e-6))
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-6)


def test_the_rate_of_a_step_is_that_of_the_schedule(tmp_path):
    loop = toy_loop(1600, warmup=160, decay_share=0.5)
    state = begin(Denoise1D(), loop, tmp_path / "checkpoint.safetensors", Processes())
    for samples, factor in ((0, 1 / 160), (79, 0.5), (400, 1.0), (1200, 0.5), (1600, 0.0)):
        state.position.samples = samples
        take_step(Denoise1D(), loop, state, Processes())
        rates = [group["lr"] / group["peak"] for o in state.optimizers for group in o.param_groups]
        assert rates == [pytest.approx(factor)] * len(rates)


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    class Nested(Denoise1D):
        def validate(self):
            with pytest.raises(UserError, match=f"{tmp_path.name} is in use by"):
                train(Denoise1D(), toy_loop(160), tmp_path)
            self.refused = True
            return super().validate()

    task = Nested()
    train(task, toy_loop(160), tmp_path)
    assert task.refused
    train(Denoise1D(), toy_loop(320), tmp_path)  # the folder is free again


@pytest.mark.parametrize("change", [{"seed": 1}, {"batch_size": 32}, {"precision": "bf16"}])
def test_a_run_is_not_resumed_with_another_seed_batch_or_precision(tmp_path, change):
    train(Denoise1D(), toy_loop(160), tmp_path)
    (name, value), before = change.popitem(), (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(UserError, match=f"its loop.{name} is .* there and {value} here"):
        train(Denoise1D(), toy_loop(320, **{name: value}), tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_network_of_weights_that_are_not_finite_is_not_trained(tmp_path):
    task = Denoise1D()
    with torch.no_grad():
        task.network[0].bias[1] = float("inf")
    with pytest.raises(UserError, match="starts from holds no usable weights: '0.bias'"):
        train(task, toy_loop(160), tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_result_that_is_not_finite_is_not_written(tmp_path):
    class Poisoned(Denoise1D):
        def validate(self):
            with torch.no_grad():
                tracks[0.05]["0.bias"][0] = float("nan")
            return super().validate()

    task, tracks = Poisoned(), {}
    original = loop_module.WeightAverages.update

    def watched(self, step):
        tracks.update(self.tracks)
        original(self, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop_module.WeightAverages, "update", watched)
        with pytest.raises(UserError, match="The result of the run .* no usable weights"):
            train(task, toy_loop(160, averages=(0.05,)), tmp_path)
    assert not (tmp_path / "final").exists()


def test_auto_is_the_faster_precision_and_stays_what_a_run_began_with(tmp_path, monkeypatch):
    latest = tmp_path / "checkpoint.safetensors"
    for name, dtype in DTYPES.items():
        monkeypatch.setattr(precision, "fastest_dtype", lambda device, d=dtype: (d, "measured"))
        assert settled(Loop(), tmp_path / "none", Processes()).precision == name
    assert settled(Loop(precision="bf16"), tmp_path / "none", Processes()).precision == "bf16"
    train(Denoise1D(), toy_loop(160, precision="bf16"), tmp_path)
    assert settled(Loop(), latest, Processes()).precision == "bf16"  # though fp32 is faster now


def test_the_run_says_what_it_costs(tmp_path, capsys):
    train(Denoise1D(), toy_loop(1600), tmp_path)
    said = " ".join(capsys.readouterr().err.split())
    assert "The whole run: 1,600 clips, 2.5e+06 FLOPs. Precision fp32" in said
