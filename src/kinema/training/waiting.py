"""Waits that say what they are for: nothing takes longer than two seconds in silence."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST_LINE, NEXT_LINE = 2.0, 10.0  # seconds


@contextmanager
def telling(what: str | Callable[[], str], first: float = FIRST_LINE) -> Iterator[None]:
    """Print what the block is for once it has taken 2 seconds, and again every 10 seconds.

    Of several processes that train together, only the leading one prints. A function returns the
    line as it is at that moment.
    """
    if int(os.environ.get("RANK", 0)):
        yield
        return
    done = threading.Event()

    def tell() -> None:
        delay = first
        while not done.wait(delay):
            print(what if isinstance(what, str) else what(), file=sys.stderr, flush=True)
            delay = NEXT_LINE

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
