"""Settings of every test: one core a worker under pytest-xdist, and no deadlines."""

import os

from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch when a test first imports it

# Speed is measured in benchmarks/: a busy machine must not fail a test.
settings.register_profile("kinema", deadline=None, print_blob=True)
settings.load_profile("kinema")
