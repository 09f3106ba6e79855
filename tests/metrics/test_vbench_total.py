import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.metrics.vbench_total import DIMENSIONS, vbench_total

QUALITY = [name for name, dimension in DIMENSIONS.items() if not dimension.is_semantic]
SEMANTIC = [name for name, dimension in DIMENSIONS.items() if dimension.is_semantic]


def test_seven_and_nine_dimensions_with_the_published_constants():
    assert (len(QUALITY), len(SEMANTIC)) == (7, 9)
    scales = {name: (d.low, d.high, d.weight) for name, d in DIMENSIONS.items()}
    assert scales["motion_smoothness"] == (0.706, 0.9975, 1)
    assert scales["dynamic_degree"] == (0, 1, 0.5)
    assert scales["appearance_style"] == (0.0009, 0.2855, 1)


def test_a_table_of_the_leaderboard_worked_out_by_hand():
    values = dict.fromkeys(DIMENSIONS, 0.5)
    values |= {"subject_consistency": 0.9573, "temporal_flickering": 0.9815, "scene": 0.4111}
    quality = (0.95 + (0.5 - 0.2615) / 0.7385 + 0.95009 - 0.70669 + 0.25 + 0.5 + 0.5) / 6.5
    semantic = (5 * 0.5 + 0.5 + (0.5 - 0.0009) / 0.2846 + 2 * 0.5 / 0.364) / 9
    found = vbench_total(values)
    assert found.quality == pytest.approx(quality, abs=1e-4)
    assert found.semantic == pytest.approx(semantic, abs=1e-4)
    assert found.total == pytest.approx(0.8 * quality + 0.2 * semantic, abs=1e-4)


@given(st.sampled_from(sorted(DIMENSIONS)), st.booleans())
def test_without_one_dimension_there_is_no_total(name, absent):
    values = dict.fromkeys(DIMENSIONS, 0.5)
    values[name] = None
    if absent:
        del values[name]
    found = vbench_total(values)
    assert found.total is None
    assert (found.quality is None, found.semantic is None) == (name in QUALITY, name in SEMANTIC)


def test_the_ends_of_every_scale_are_zero_and_one():
    ends = [{name: end(d) for name, d in DIMENSIONS.items()} for end in
            (lambda d: d.low, lambda d: d.high)]  # fmt: skip
    assert [vbench_total(end).total for end in ends] == [pytest.approx(0), pytest.approx(1)]
