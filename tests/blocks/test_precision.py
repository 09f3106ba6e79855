import re

import pytest
import torch

from kinema.blocks import precision
from kinema.blocks.precision import (
    computing_in,
    denormals_are_zero,
    dtype_of,
    fastest_dtype,
    flushed_denormals,
    product_rate,
)
from kinema.errors import UserError


@pytest.fixture
def rates(monkeypatch):
    """Rates of a machine that is not this one; measured anew in the test and after it."""
    measured = {torch.bfloat16: 5e9, torch.float32: 63e9}
    monkeypatch.setattr(precision, "product_rate", lambda device, dtype, seconds: measured[dtype])
    fastest_dtype.cache_clear()
    yield measured
    fastest_dtype.cache_clear()


def test_the_faster_type_is_taken_and_said_why(rates):
    assert fastest_dtype() == (torch.float32, "fp32: 63 GFLOP/s here, bf16 5")
    rates[torch.bfloat16] = 990e9
    assert fastest_dtype()[0] == torch.float32  # measured once a process
    fastest_dtype.cache_clear()
    assert fastest_dtype() == (torch.bfloat16, "bf16: 990 GFLOP/s here, fp32 63")


def test_auto_is_what_was_measured_and_the_others_what_was_asked(rates):
    assert [dtype_of(name) for name in ("auto", "fp32", "bf16")] == [
        torch.float32, torch.float32, torch.bfloat16,
    ]  # fmt: skip
    with pytest.raises(UserError, match="precision is 'half', and must be one of auto, bf16, fp32"):
        dtype_of("half")


def test_a_device_without_known_instructions_takes_fp32():
    assert fastest_dtype("mps")[0] == torch.float32


def test_this_machine_is_measured():
    dtype, why = fastest_dtype()
    name = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
    fastest, other = map(int, re.fullmatch(rf"{name}: (\d+) GFLOP/s here, \w+ (\d+)", why).groups())
    assert fastest >= other


@pytest.mark.parametrize("slowness", [1e-9, 1e-3])
def test_a_slow_machine_is_not_asked_for_large_products(monkeypatch, slowness):
    """A clock that products move on by their size: 64 a side take `slowness` seconds."""
    now, sizes = [0.0], []

    def product(matrix):
        sizes.append(len(matrix))
        now[0] += slowness * (len(matrix) / 64) ** 3
        return slowness * (len(matrix) / 64) ** 3

    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(precision, "timed_product", product)
    monkeypatch.setattr(precision, "LARGEST", 256)
    rate = product_rate("cpu", torch.float32, 0.05)
    assert rate == pytest.approx(2 * 64**3 / slowness)
    assert now[0] < 0.05 and max(sizes) == (256 if slowness == 1e-9 else 128)


def test_products_are_in_the_precision_of_the_block():
    a = torch.randn(4, 4)
    with computing_in("bf16"):
        assert (a @ a).dtype == torch.bfloat16
    with computing_in("fp32"):
        assert (a @ a).dtype == torch.float32
    with pytest.raises(UserError, match="precision"), computing_in("fp8"):
        pass


def test_denormals_are_zero_in_the_block_and_as_before_after_it():
    assert not denormals_are_zero()
    with flushed_denormals():
        assert denormals_are_zero()
        with computing_in("fp32"):
            assert denormals_are_zero()
        assert denormals_are_zero()
    assert not denormals_are_zero()
    with pytest.raises(ZeroDivisionError), flushed_denormals():
        _ = 1 / 0
    assert not denormals_are_zero()


def test_a_gradient_of_denormals_is_zero_in_the_function_it_decorates():
    @flushed_denormals()
    def gradient():
        x = torch.full((8,), 1e-20, requires_grad=True)
        (x * 1e-20 * 1e-20).sum().backward()
        return x.grad

    assert gradient().count_nonzero() == 0
    assert gradient.__wrapped__().count_nonzero() == 8
