import pytest
import torch

from kinema.training import meter
from kinema.training.checkpoint import Position
from kinema.training.meter import Estimate, Meter, cost, duration, matrix_ceiling, this_machine


class Counted:
    def flops(self, batch_size):
        return 100.0 * batch_size


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is moved."""
    now = [0.0]
    monkeypatch.setattr(meter.time, "perf_counter", lambda: now[0])
    return now


def test_the_rate_and_the_mfu_are_those_since_the_last_reading(clock):
    one = Meter(Counted(), 8, Position(samples=80), ceiling=1000.0)
    clock[0] = 4.0
    assert one.read(Position(samples=88)) == (2.0, 0.2)
    clock[0] = 5.0
    assert one.read(Position(samples=96)) == (8.0, 0.8)
    clock[0] = 100.0
    one.restart(Position(samples=96))
    clock[0] = 101.0
    assert one.read(Position(samples=100))[0] == 4.0


def test_an_estimate_rests_on_timed_steps_without_the_first(clock):
    estimate = Estimate(num_samples=10_000)
    clock[0] = 50.0  # the first step took long
    said = [estimate.after_step(Position(1, 10))]
    for step in range(2, 6):
        clock[0] += 1.0
        said.append(estimate.after_step(Position(step, 10 * step)))
    assert said == ["", "", "", "9,960 clips are left: about 17 minutes on this machine.", ""]


def test_what_comes_between_steps_is_not_timed(clock):
    estimate = Estimate(num_samples=1_000)
    estimate.after_step(Position(1, 10))
    clock[0] = 500.0  # a validation
    estimate.restart()
    said = []
    for step in range(2, 6):
        clock[0] += 1.0
        said.append(estimate.after_step(Position(step, 10 * step)))
    assert said[:3] == ["", "", ""] and "about 95 seconds" not in said[3] and "1.6 min" in said[3]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(40, "40 seconds"), (89, "89 seconds"), (90, "1.5 minutes"), (1200, "20 minutes"),
     (5400, "1.5 hours"), (50_000, "14 hours"), (130_000, "1.5 days")],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said


def test_the_cost_is_told_in_clips_and_operations():
    assert cost(Counted(), 30_000, 8) == "30,000 clips, 3.0e+06 FLOPs"
    Counted.flops, flops = lambda self, batch_size: 0.0, Counted.flops
    assert cost(Counted(), 30_000, 8) == "30,000 clips"
    Counted.flops = flops


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_ceiling_is_a_rate_of_this_planet(dtype):
    assert 1e8 < matrix_ceiling(dtype=dtype, seconds=0.01) < 1e15


def test_the_ceiling_is_measured_once():
    assert matrix_ceiling(seconds=0.011) == matrix_ceiling(seconds=0.011)


def test_this_machine_has_a_name():
    machine = this_machine()
    assert machine.endswith(("1 thread", "threads"))
    assert torch.backends.cpu.get_cpu_capability() in machine
