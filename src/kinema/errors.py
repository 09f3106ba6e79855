"""The two ways to speak to the user: what went wrong, and what was done differently."""

import errno
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

    Raised through `warnings.warn`; the command line prints the sentence and goes on.
    """


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
