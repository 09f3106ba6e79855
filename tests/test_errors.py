import errno
import os

import pytest

from kinema.errors import brief, nearest, printable, reason


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


def test_what_a_terminal_obeys_and_xml_cannot_hold_is_escaped():
    name = os.fsdecode(b"a\x1b[2J\xff\xc3\xa9.mp4")
    assert printable(name) == "a\\x1b[2J\\xff\u00e9.mp4"
    assert printable("a\n\tb\u202ec\ufffe") == "a\\n\\tb\\u202ec\\ufffe"
    plain = "caf\u00e9 \U0001f469\u200d\U0001f680 100 %"
    assert printable(plain) == plain
    printable(name).encode()
