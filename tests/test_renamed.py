import importlib
import sys

import pytest

import kinema
from kinema import codecs
from kinema.renamed import MODULES


@pytest.mark.parametrize("old", MODULES)
def test_a_module_is_found_by_its_old_name_and_warns_with_the_new_one(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=MODULES[old]):
        module = importlib.import_module(old)
    assert module is importlib.import_module(MODULES[old])


def test_public_names_of_before():
    with pytest.warns(DeprecationWarning, match="kinema.checks.check"):
        sys.modules.pop("kinema.probes.check", None)
        from kinema.probes.check import check
    from kinema.checks.check import check as same

    assert check is same and callable(kinema.check)


def test_a_name_that_left_a_face_warns():
    with pytest.warns(DeprecationWarning, match="kinema.interop.load_codec"):
        assert callable(codecs.load_codec)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        codecs.nothing  # noqa: B018
