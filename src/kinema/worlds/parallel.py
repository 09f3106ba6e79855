"""Clips rendered beside the caller by a pool of processes of one thread each, in their order."""

import itertools
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial

import torch

from kinema.worlds.world import Rendering, World, WorldClip


def render_ahead(
    world: World,
    seeds: Iterable[int],
    rendering: Rendering = Rendering(),
    num_workers: int = 2,
    chunk: int = 4,
) -> Iterator[WorldClip]:
    """Yield the clips of the seeds, endless too, in their order, rendering ahead of the reader.

    Each of the `num_workers` processes is given `chunk` seeds at a time; with 0 the calling process
    renders, when a clip is asked for.
    """
    if num_workers == 0:
        for piece in pieces(seeds, chunk):
            yield from world.render(piece, rendering)
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    setup = partial(start_worker, os.getpid())
    pool = ProcessPoolExecutor(num_workers, mp_context=context, initializer=setup)
    try:
        ahead: deque[Future[list[WorldClip]]] = deque()
        for piece in pieces(seeds, chunk):
            ahead.append(pool.submit(world.render, piece, rendering))
            if len(ahead) > 2 * num_workers:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def pieces(seeds: Iterable[int], chunk: int) -> Iterator[list[int]]:
    rest = iter(seeds)
    while piece := list(itertools.islice(rest, chunk)):
        yield piece


def start_worker(parent: int) -> None:
    torch.set_num_threads(1)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: int) -> None:
    """End this process when its parent is gone, even if that was killed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
