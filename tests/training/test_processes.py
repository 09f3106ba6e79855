"""Two processes under torchrun take the steps that one takes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kinema.errors import UserError
from kinema.training import train
from kinema.training.processes import Processes

sys.path.insert(0, str(Path(__file__).parent))
from toy_run import Denoise1D, toy_loop

SCRIPT = Path(__file__).parent / "toy_run.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]


def test_two_processes_are_one_to_rounding(tmp_path):
    train(Denoise1D(dropout=0.0), toy_loop(320), tmp_path / "one")
    arguments = [SCRIPT, tmp_path / "two", "320", "60.0", "0.0"]
    subprocess.run([*TORCHRUN, "--standalone", *arguments], check=True, capture_output=True)
    one, two = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("one", "two"))
    weights = [name for name in one if name.startswith("network.")]
    assert weights and all(torch.allclose(one[n], two[n], atol=1e-4) for n in weights)


def test_the_shares_of_a_batch_are_the_batch():
    rows = list(range(12))
    shares = [rows[Processes(rank, 3).rows(12)] for rank in range(3)]
    assert sorted(sum(shares, [])) == rows
    with pytest.raises(UserError, match="batch_size of 12 cannot be shared evenly by 5 processes"):
        Processes(0, 5).rows(12)


def test_alone_nothing_is_averaged():
    value = torch.tensor([1.0, 2.0])
    Processes().average([value])
    assert value.tolist() == [1.0, 2.0]
