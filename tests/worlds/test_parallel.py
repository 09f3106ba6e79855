"""A stream of clips is the same list whoever renders it, and leaves nobody behind."""

import itertools
import multiprocessing

import numpy as np

from kinema.worlds import Rendering, render_ahead, tabletop

RENDERING = Rendering(num_frames=2, size=16, level=2)


def test_workers_keep_the_order_and_the_pixels():
    seeds = [5, 1, 9, 2, 7]
    here = tabletop.render(seeds, RENDERING)
    there = list(render_ahead(tabletop, seeds, RENDERING, num_workers=2, chunk=2))
    alone = list(render_ahead(tabletop, seeds, RENDERING, num_workers=0))
    for a, b, c in zip(here, there, alone, strict=True):
        assert np.array_equal(a.frames, b.frames) and np.array_equal(a.frames, c.frames)
        assert a.caption == b.caption


def test_an_endless_stream_is_lazy_and_ends_its_workers():
    clips = render_ahead(tabletop, itertools.count(), RENDERING, num_workers=1, chunk=2)
    first = list(itertools.islice(clips, 3))
    clips.close()
    assert len(first) == 3 and not multiprocessing.active_children()
