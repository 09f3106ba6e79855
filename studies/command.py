"""A study on the command line: options from its function, mistakes as one sentence."""

import sys
from collections.abc import Callable
from typing import Any

from kinema.cli import main
from kinema.commands.judge import call


def run_study(name: str, run: Callable[..., Any]) -> None:
    """Run a study with the options of the command line, and exit.

    Args:
        name: of its module in `studies`.
        run: its function.
    """
    sys.exit(main(run=lambda argv: call(f"python -m studies.{name}", run, argv)))
