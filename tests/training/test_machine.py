import pytest
import torch

from kinema.training.machine import matrix_ceiling, this_machine


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_ceiling_is_a_rate_of_this_planet(dtype):
    assert 1e8 < matrix_ceiling(dtype=dtype, seconds=0.01) < 1e15


def test_the_ceiling_is_measured_once():
    assert matrix_ceiling(seconds=0.011) == matrix_ceiling(seconds=0.011)


def test_this_machine_has_a_name():
    machine = this_machine()
    assert machine.endswith(("1 thread", "threads"))
    assert torch.backends.cpu.get_cpu_capability() in machine
