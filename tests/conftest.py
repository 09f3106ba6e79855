"""Settings of every test: one thread, and no deadlines."""

import os

from hypothesis import settings

# The tensors of tests are small: a second thread only waits for the first. Read by torch when it
# is first imported, and by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Speed is measured in benchmarks/: a busy machine must not fail a test.
settings.register_profile("kinema", deadline=None, print_blob=True)
settings.load_profile("kinema")
