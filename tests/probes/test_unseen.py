import numpy as np

from kinema.probes.consistency.probe import ConsistencyProbe
from kinema.probes.unseen import FIRST_SEED, tabletop_clips, unseen
from kinema.training.sources import WorldClips
from kinema.training.tasks.judge import FIRST_SEED as FIRST_OF_JUDGE
from kinema.worlds import Rendering, tabletop


def test_no_training_comes_near():
    clips = WorldClips((1,), "train", 9, 32)
    assert clips.seed + clips.num_clips < FIRST_SEED // 2
    assert FIRST_OF_JUDGE + 100 * 1_000_000 < FIRST_SEED
    assert min(ConsistencyProbe().seeds) >= FIRST_SEED


def test_blocks_share_no_scene():
    assert unseen(3) == [FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2]
    assert unseen(3, 1, 10) == [FIRST_SEED + 13, FIRST_SEED + 14, FIRST_SEED + 15]


def test_clips_are_those_of_their_seeds():
    rendering = Rendering(2, 16, truth=True)
    clips = tabletop_clips(unseen(2), rendering, "Rendering")
    (last,) = tabletop.render([FIRST_SEED + 1], rendering)
    assert len(clips) == 2 and np.array_equal(clips[1].frames, last.frames)
    assert clips[1].truth is not None
