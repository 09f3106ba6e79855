"""The door: what `kinema` on the command line does.

The commands are in `commands/`; what costs time to import (torch, OpenCV), they import when they
run. A mistake of the user, a disk or a memory that is full is one sentence on stderr and exit
status 2; Ctrl-C is one line and 130; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import kinema
from kinema.commands import COMMANDS
from kinema.errors import Notice, UserError, nearest, printable, reason
from kinema.fields import shown
from kinema.help_pages import Row, first_line, print_page

LOG = logging.getLogger("kinema")
LONGEST = 280  # characters of a sentence
LEVELS = ("debug", "info", "warning", "error")
OUT_OF_MEMORY = re.compile(r"can't allocate memory|out of memory|Unable to allocate", re.I)
DISK_IS_FULL = re.compile(r"os error (28|122)\b|No space left|PytorchStreamWriter failed", re.I)
RENAMED = {"plan": "budget"}
EXAMPLES = """\
kinema generate "a red ball rolls to the right behind a blue cube" -o ball.mp4
kinema generate "a green cone spins" -n 4 --seed 7 -o cones.gif
kinema generate "the ball bounces" --continue-from ball.mp4 -o longer.mp4
kinema world tabletop -n 16 --level 2 -o clips
kinema train tabletop --folder runs/mine --loop.num_samples 200000"""


def overview() -> None:
    """What `kinema --help` shows."""
    groups = {
        title: [Row(name, first_line(function)) for name, function in commands.items()]
        for title, commands in COMMANDS.items()
    }
    about = f"kinema {kinema.__version__}: a video diffusion system that runs on two CPU cores."
    note = (
        "kinema COMMAND --help tells more. With --log-level warning a command says nothing on its "
        "way, with debug it also shows where an error happened."
    )
    print_page("kinema COMMAND [OPTIONS]", about, groups, EXAMPLES, note)


def dispatch(argv: list[str]) -> int | None:
    """Run the command that `argv` names; the exit status, or None for 0."""
    commands = {name: f for group in COMMANDS.values() for name, f in group.items()}
    if not argv or argv[0] in ("-h", "--help", "help"):
        overview()
    elif argv[0] in ("-V", "--version", "version"):
        print(kinema.__version__)
    elif argv[0] in RENAMED:
        raise UserError(f"`kinema {argv[0]}` is called `kinema {RENAMED[argv[0]]}` now.")
    elif argv[0] in commands:
        return commands[argv[0]](argv[1:])
    else:
        raise UserError(f"There is no command {argv[0]!r}; {nearest(argv[0], list(commands))}")
    return 0


def main(argv: list[str] | None = None, run: Callable[[list[str]], int | None] = dispatch) -> int:
    """Run a command, kinema's own unless another is given; the return value is the exit status."""
    with messages():
        try:
            return run(take_log_level(sys.argv[1:] if argv is None else argv)) or 0
        except BrokenPipeError:  # `kinema --help | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except KeyboardInterrupt:
            say("interrupted.", "yellow")
            return 130
        except Exception as error:
            told = one_sentence(sentence(error))
            if not told:
                raise
            LOG.debug("This is where it happened.", exc_info=error)
            say(told, "red")
            return 2


def sentence(error: Exception) -> str:
    """Return what to tell the user of an error; "" for a bug, which keeps its traceback."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    if isinstance(error, UnicodeError):
        return f"A file or an option is not text in UTF-8: {shown(text, 100)}."
    if isinstance(error, OSError) and error.errno:
        return f"{shown(error.filename or 'A file', 100)}: {reason(error)}."
    if isinstance(error, OSError):  # of libraries, which write a sentence of their own
        return f"A file cannot be used: {shown(text, 200).removesuffix('.')}."
    if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(text):
        return "There is not enough memory for this: choose a smaller size, fewer frames or clips."
    if DISK_IS_FULL.search(text):
        return f"A file cannot be written: {reason(OSError(errno.ENOSPC, ''))}."
    if type(error).__name__ == "SafetensorError":
        return f"A file of weights cannot be read or written: {shown(text, 150)}."
    return ""


def one_sentence(text: str) -> str:
    """Return a text on one line, without its middle if it is very long, with a full stop.

    What the user typed is part of many sentences, and so is what other libraries say.
    """
    text = " ".join(text.split())
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return text if not text or text[-1] in ".?" else f"{text}."


# ---- what is said on the way ---------------------------------------------------------------------


def say(text: str, style: str = "") -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False).print(
        Text(f"kinema: {printable(text)}", style=style), soft_wrap=True
    )


class Teller(logging.Handler):
    """Tells what `logging.getLogger("kinema")` is told, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        styles = {"WARNING": "yellow", "ERROR": "red"}
        say(self.format(record), styles.get(record.levelname, "dim"))


@contextmanager
def messages() -> Iterator[None]:
    """Within the block, notices and log messages are lines on stderr."""
    plain, teller, level = warnings.showwarning, Teller(), LOG.level

    def show(message: Any, category: type[Warning], *place: Any, **kwargs: Any) -> None:
        if issubclass(category, Notice):
            LOG.warning(str(message))
        else:
            plain(message, category, *place, **kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        warnings.showwarning = show
        LOG.addHandler(teller)
        try:
            yield
        finally:
            LOG.removeHandler(teller)
            LOG.setLevel(level)


def take_log_level(argv: list[str]) -> list[str]:
    """Set the level that `--log-level` names, info without it; return the other words."""
    words, level = list(argv), "info"
    for place, word in enumerate(words):
        flag, equals, value = word.replace("_", "-").partition("=")
        if flag == "--log-level":
            level = value if equals else "".join(words[place + 1 : place + 2])
            del words[place : place + (1 if equals else 2)]
            break
    if level.lower() not in LEVELS:
        raise UserError(f"There is no --log-level {level!r}; {nearest(level.lower(), [*LEVELS])}")
    LOG.setLevel(level.upper())
    return words


if __name__ == "__main__":
    sys.exit(main())
