import errno
import os

import pytest

from kinema.errors import brief, nearest, reason


def test_the_nearest_name_or_all_of_them():
    assert nearest("eular", ["heun", "euler"]) == "did you mean 'euler'?"
    assert nearest("zzz", ["heun", "euler"]) == "choose one of euler, heun."


def test_many_names_are_not_all_listed():
    assert nearest("zzz", [f"a{k:02}" for k in range(30)]).endswith("a10, a11, or another of 30.")
    assert nearest("zzz", [f"a{k:02}" for k in range(12)]).endswith("a10, a11.")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your share of the disk is used up"),
        (errno.EROFS, "read-only"),
        (errno.EFBIG, "ulimit -f"),
        (errno.ENAMETOOLONG, "name is too long"),
        (errno.ELOOP, "loop of symbolic links"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_an_error_of_the_system_is_a_clause(code, said):
    clause = reason(OSError(code, os.strerror(code)))
    assert said in clause and not clause.endswith(".")


def test_an_error_without_a_number_speaks_for_itself():
    assert reason(OSError("cannot identify image")) == "cannot identify image"


def test_the_words_of_others_are_cut_short():
    assert brief(ValueError("first\n  the last line. \n")) == "the last line"
    assert brief(KeyError()) == "KeyError"
    assert len(brief(ValueError("x" * 999))) < 110
