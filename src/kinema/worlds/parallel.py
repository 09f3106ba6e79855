"""Clips rendered beside the caller by a pool of processes of one thread each, in their order.

Which process renders a seed changes nothing in the clip, so a stream is the same list of clips
whatever the number of workers. At most a few pieces are rendered ahead.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from typing import Any

import torch

from kinema.worlds.world_clip import WorldClip

Render = Callable[..., list[WorldClip]]


def stream(
    render: Render, seeds: Iterable[int], num_workers: int = 2, chunk: int = 4, **settings: Any
) -> Iterator[WorldClip]:
    """Yield the clips of the seeds in their order, rendering ahead of the reader.

    Args:
        render: a world's render function, such as `tabletop.render`.
        seeds: any length, endless too.
        num_workers: processes; 0 renders in the calling process, when a clip is asked for.
        chunk: seeds given to a process at a time.
        settings: further arguments of `render`.
    """
    pieces = _pieces(seeds, chunk)
    if num_workers == 0:
        for piece in pieces:
            yield from render(piece, **settings)
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    setup = partial(_start_worker, os.getpid())
    pool = ProcessPoolExecutor(num_workers, mp_context=context, initializer=setup)
    try:
        ahead: deque[Future[list[WorldClip]]] = deque()
        for piece in pieces:
            ahead.append(pool.submit(render, piece, **settings))
            if len(ahead) > 2 * num_workers:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def render_many(
    render: Render, seeds: Iterable[int], num_workers: int = 2, **settings: Any
) -> list[WorldClip]:
    """All clips of the seeds, rendered by several processes."""
    return list(stream(render, seeds, num_workers, **settings))


def _pieces(seeds: Iterable[int], chunk: int) -> Iterator[list[int]]:
    rest = iter(seeds)
    while piece := list(itertools.islice(rest, chunk)):
        yield piece


def _start_worker(parent: int) -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, even if that was killed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
