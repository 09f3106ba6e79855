import numpy as np
import pytest

from kinema.checks.clip_report import ClipReport
from kinema.checks.sets import set_table
from kinema.metrics.evidence import Score


def clip(**values):
    none = np.empty(0)
    return ClipReport("a.mp4", scores={name: Score(value, none) for name, value in values.items()})


def test_means_counts_and_the_floor():
    clips = [clip(noise=1.0, strain=np.nan), clip(noise=3.0, strain=0.5), clip(noise=2.0), clip()]
    noise, strain = set_table(clips, [clip(noise=0.25), clip(noise=0.75)])
    assert (noise.score, noise.mean, noise.num_clips, noise.floor) == ("noise", 2.0, 3, 0.5)
    assert 1 <= noise.interval[0] < 2 < noise.interval[1] <= 3
    assert (strain.mean, strain.num_clips, strain.floor) == (0.5, 1, None)
    assert strain.interval == pytest.approx((0.5, 0.5))


def test_without_clips_or_real_ones():
    assert set_table([]) == []
    assert set_table([clip(noise=1.0)])[0].floor is None
