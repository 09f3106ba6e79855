import pytest
import torch

from kinema.training.machine import matrix_ceiling, this_machine


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_ceiling_is_a_rate_of_this_planet(dtype):
    assert 1e8 < matrix_ceiling(dtype=dtype, size=256, seconds=0.05) < 1e15


def test_this_machine_has_a_name():
    assert this_machine().endswith(("1 thread", "threads"))
