import pytest

from studies.scaling.arms import ARMS, MISSING_MIDDLE, QUESTIONS, RECIPE, SIZE
from studies.scaling.plots import COLUMNS, arms_of, draw, questions_of


def test_every_question_has_its_columns_and_the_recipe(records):
    assert set(COLUMNS) == set(QUESTIONS)
    assert arms_of(SIZE, records) == [RECIPE, "width 64", "width 192"]
    assert questions_of({name: records[name] for name in (RECIPE, "width 64")}) == [SIZE]
    assert arms_of(MISSING_MIDDLE, {"30 clips": records["30 clips"]}) == []


@pytest.mark.parametrize("names", [list(ARMS), ["width 64"], [MISSING_MIDDLE], [RECIPE]])
def test_curves_are_drawn_of_what_there_is(names, records, baselines):
    pytest.importorskip("matplotlib")
    assert len(draw({name: records[name] for name in names}, baselines)) > 10_000
