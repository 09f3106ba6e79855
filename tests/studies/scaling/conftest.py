"""Records by hand: every arm's errors are known figures."""

import pytest

from kinema.probes.physics.probe import FLOOR, FROZEN, MEAN_VELOCITY, STRAIGHT
from studies.scaling.arms import ARMS, DATA
from studies.scaling.probe import EDGES, IN, MIDDLE, OUT, TRAINING, Scaling
from studies.scaling.records import Record


@pytest.fixture
def records():
    found = {}
    for number, (name, arm) in enumerate(ARMS.items()):
        error = 0.1 * (number + 1)
        errors = {place: [error, error, error + 0.1] for place in (IN, MIDDLE, OUT, EDGES)}
        if arm.question == DATA:
            errors[TRAINING] = [error / 2] * 2
        curve = [4 * error, error]
        found[name] = Record(errors, 2_000_000, [1_000, 8_000], curve, 20.0, "a machine, 1 thread")
    return found


@pytest.fixture
def baselines():
    errors = {FLOOR: 0.001, STRAIGHT: 0.05, MEAN_VELOCITY: 0.75, FROZEN: 2.5}
    places = (IN, MIDDLE, OUT, EDGES)
    return {name: Record({place: [e] * 3 for place in places}) for name, e in errors.items()}


@pytest.fixture
def scaling(tmp_path):
    return Scaling(tmp_path)
