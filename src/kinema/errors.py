"""The two ways to speak to the user: what went wrong, and what was done differently."""

import errno
import re
import warnings
from difflib import get_close_matches

MOST_NAMES = 12  # that a sentence lists
CHOOSE = "choose another folder"
REASONS = {
    errno.ENOSPC: f"the disk is full; free some space, or {CHOOSE}",
    errno.EDQUOT: f"your share of the disk is used up; free some space, or {CHOOSE}",
    errno.EFBIG: "the file would be larger than this system allows; see `ulimit -f`",
    errno.EACCES: f"this user has no permission there; {CHOOSE}",
    errno.EPERM: f"this user has no permission there; {CHOOSE}",
    errno.EROFS: f"the disk is read-only; {CHOOSE}",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "the path is a loop of symbolic links; delete the links",
    errno.EMFILE: "too many files are open; see `ulimit -n`",
    errno.ENOMEM: "the memory is full; close other programs",
}


class UserError(ValueError):
    """A mistake of the user, told in one sentence: what was wrong, where, and what to do.

    The command line prints the sentence without a traceback and exits with status 2.
    """


class Notice(UserWarning):
    """Something done differently from what the user asked, told in one sentence.

    It is told with `notify`; the command line prints the sentence and goes on.
    """


def notify(sentence: str) -> None:
    """Tell the user of something done differently, as a warning where the caller was called."""
    warnings.warn(sentence, Notice, stacklevel=3)


def nearest(name: str, names: list[str]) -> str:
    """Return what ends a sentence about an unknown name: the nearest one, or those there are."""
    if close := get_close_matches(name, names, n=1):
        return f"did you mean {close[0]!r}?"
    first = sorted(names)[:MOST_NAMES]
    rest = f", or another of {len(names)}" if len(names) > MOST_NAMES else ""
    return f"choose one of {', '.join(first)}{rest}."


def brief(error: BaseException, most: int = 100) -> str:
    """Return what another library says, fit for the end of a sentence: its last line, cut short."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = lines[-1].strip().rstrip(".")
    return said if len(said) <= most else f"{said[:most]} ..."


def reason(error: OSError) -> str:
    """Say what an error of the operating system means, as a clause without a full stop."""
    return REASONS.get(error.errno or 0) or error.strerror or str(error)


UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    r"""Return a text with what a terminal would obey, or UTF-8 and XML cannot hold, as escapes.

    A file name may hold control characters (\x1b) and bytes that are not UTF-8 (\xff).
    """

    def escaped(match: re.Match[str]) -> str:
        code = ord(match[0])
        is_byte = 0xDC80 <= code <= 0xDCFF  # which Python keeps as a surrogate
        return f"\\x{code - 0xDC00:02x}" if is_byte else match[0].encode("unicode_escape").decode()

    return UNPRINTABLE.sub(escaped, text)
