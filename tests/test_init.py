import subprocess
import sys

import numpy as np
import pytest

import kinema
from kinema.errors import UserError


def test_import_is_lazy():
    code = "import kinema, kinema.cli, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "numpy", "av", "cv2", "PIL", "huggingface_hub"}
    assert not heavy & set(loaded.stdout.split())


def test_load_names_what_is_not_there():
    with pytest.raises(UserError, match="tabletopp"):
        kinema.load("tabletopp")


def test_check_takes_frames():
    still = np.full((12, 48, 64, 3), 128, np.uint8)
    report = kinema.check(still)
    assert "frozen" in [failure.name for failure in report.failures]


def test_version():
    assert kinema.__version__.count(".") == 2
