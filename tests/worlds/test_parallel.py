"""A stream of clips is the same list whoever renders it, and leaves nobody behind."""

import itertools
import multiprocessing

import numpy as np

from kinema.worlds import render_many, stream, tabletop

SETTINGS = {"num_frames": 2, "size": 16, "level": 2}


def test_workers_keep_the_order_and_the_pixels():
    seeds = [5, 1, 9, 2, 7]
    here = tabletop.render(seeds, **SETTINGS)
    there = render_many(tabletop.render, seeds, num_workers=2, chunk=2, **SETTINGS)
    alone = render_many(tabletop.render, seeds, num_workers=0, **SETTINGS)
    for a, b, c in zip(here, there, alone, strict=True):
        assert np.array_equal(a.frames, b.frames) and np.array_equal(a.frames, c.frames)
        assert a.caption == b.caption


def test_an_endless_stream_is_lazy_and_ends_its_workers():
    clips = stream(tabletop.render, itertools.count(), num_workers=1, chunk=2, **SETTINGS)
    first = list(itertools.islice(clips, 3))
    clips.close()
    assert len(first) == 3 and not multiprocessing.active_children()
