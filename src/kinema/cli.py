"""The door: what `kinema` on the command line does.

The commands are in `commands/`; what costs time to import (torch, OpenCV), they import when they
run. A mistake of the user is one sentence on stderr and exit status 2; Ctrl-C is one line
and 130; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import kinema
from kinema.commands import COMMANDS
from kinema.errors import Notice, UserError, nearest
from kinema.help_pages import Row, console, first_line, print_page

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
    note = "kinema COMMAND --help tells more."
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


def say(text: str, style: str) -> None:
    from rich.text import Text

    console().print(Text(text, style=style), soft_wrap=True)


def main(argv: list[str] | None = None, run: Callable[[list[str]], int | None] = dispatch) -> int:
    """Run a command, kinema's own unless another is given; the return value is the exit status."""
    plain = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **kwargs: Any) -> None:
        if issubclass(category, Notice):
            say(f"kinema: {message}", "yellow")
        else:
            plain(message, category, *place, **kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        warnings.showwarning = show
        try:
            return run(sys.argv[1:] if argv is None else argv) or 0
        except UserError as error:
            say(f"kinema: {error}", "red")
            return 2
        except BrokenPipeError:  # `kinema --help | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EDQUOT):
                raise
            say(f"kinema: {error.filename or 'the file'}: {error.strerror}.", "red")
            return 2
        except KeyboardInterrupt:
            say("kinema: interrupted.", "yellow")
            return 130


if __name__ == "__main__":
    sys.exit(main())
