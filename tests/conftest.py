"""Settings of every test: one thread, and no deadlines; what the originals of networks answer."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The tensors of tests are small: a second thread only waits for the first. Read by torch when it
# is first imported, and by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Speed is measured in benchmarks/: a busy machine must not fail a test.
settings.register_profile("kinema", deadline=None, print_blob=True)
settings.load_profile("kinema")


def fill_weights(network):
    """Random weights that depend on their names alone: the same on every machine, in every port."""
    import torch  # after the number of threads is set

    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tensor.shape)
        if tensor.dim() > 1:
            noise *= (2 / tensor[0].numel()) ** 0.5
        elif name.endswith(("weight", "running_var")):
            noise = 1 + 0.1 * np.abs(noise)
        else:
            noise *= 0.1
        tensor.copy_(torch.from_numpy(np.asarray(noise)))
    return network.eval()


@pytest.fixture(scope="session", name="fill_weights")
def fill_weights_fixture():
    return fill_weights


@pytest.fixture(scope="session")
def goldens():
    """What the original implementations answer, by benchmarks/goldens.py."""
    return json.loads((Path(__file__).parent / "goldens.json").read_text())
