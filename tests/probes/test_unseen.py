from kinema.probes.consistency.probe import ConsistencyProbe
from kinema.probes.unseen import FIRST_SEED
from kinema.training.sources import WorldClips
from kinema.training.tasks.judge import FIRST_SEED as FIRST_OF_JUDGE


def test_no_training_comes_near():
    clips = WorldClips((1,), "train", 9, 32)
    assert clips.seed + clips.num_clips < FIRST_SEED // 2
    assert FIRST_OF_JUDGE + 100 * 1_000_000 < FIRST_SEED
    assert min(ConsistencyProbe().seeds) >= FIRST_SEED
