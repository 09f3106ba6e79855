import numpy as np
import pytest

from kinema.metrics.objects.physics import PROBES, probe_physics
from kinema.probes.consistency.faults import FAULTS, empty_table
from kinema.worlds import Rendering, discs, tabletop

ON_DISCS = [name for name, fault in FAULTS.items() if fault.level]
ON_TABLE = [name for name, fault in FAULTS.items() if not fault.level]


@pytest.fixture(scope="module")
def slide():
    """A purple cone that slides to the left, with its truth."""
    return tabletop.render([9_000_000], Rendering(24, 64, 2, "all", truth=True))[0]


def test_every_law_is_broken():
    assert {fault.probe for fault in FAULTS.values()} == PROBES.keys()


@pytest.mark.parametrize("name", ON_DISCS)
def test_discs_that_break_a_law_are_seen_and_their_twins_are_not(name):
    fault = FAULTS[name]
    scene = discs.sample_scene(0, fault.level)
    verdicts = [
        probe_physics(make(scene), 10, planar=True)[fault.probe].verdict
        for make in (fault.apply, fault.clean)
    ]
    assert verdicts == ["violated", "holds"]


@pytest.mark.parametrize("name", ON_TABLE)
def test_a_solid_that_breaks_a_law_is_seen_and_its_twin_is_not(name, slide):
    fault = FAULTS[name]
    before = slide.frames.copy()
    broken = fault.apply(slide)
    assert probe_physics(broken, 16)[fault.probe].verdict == "violated"
    assert probe_physics(fault.clean(slide), 16)[fault.probe].verdict == "holds"
    assert np.array_equal(slide.frames, before)
    assert np.array_equal(broken[: len(broken) // 2], before[: len(before) // 2])


def test_the_empty_table_holds_no_object(slide):
    saturation = np.ptp(empty_table(slide).astype(int), axis=-1)
    assert np.ptp(slide.frames[0].astype(int), axis=-1).max() > 100 > saturation.max()
