import subprocess
import sys

import pytest

import kinema
from kinema.errors import UserError


def test_import_is_lazy():
    code = "import kinema, kinema.cli, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "numpy", "av", "cv2", "PIL", "jsonargparse", "huggingface_hub"}
    assert not heavy & set(loaded.stdout.split())


def test_load_names_what_is_not_there():
    with pytest.raises(UserError, match="tabletopp"):
        kinema.load("tabletopp")


def test_version():
    assert kinema.__version__.count(".") == 2
