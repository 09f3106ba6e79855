import pytest

from kinema.errors import UserError
from kinema.options import read_options
from kinema.recipes import physics_uniform
from studies.records import MEASURED
from studies.scaling.arms import ARMS, QUESTIONS, RECIPE, chosen_arms


def test_only_the_recipe_changes_nothing_and_every_question_has_arms():
    assert [name for name, arm in ARMS.items() if not arm.changes] == [RECIPE]
    assert {arm.question for arm in ARMS.values()} == {"", *QUESTIONS}


@pytest.mark.parametrize("name", [name for name in ARMS if name != RECIPE])
def test_every_arm_is_what_kinema_train_understands_and_differs_from_the_recipe(name):
    recipe = physics_uniform()
    run = read_options("kinema train", physics_uniform(), ARMS[name].words)
    for option in ARMS[name].changes:
        part, _, field = option.partition(".")
        new, old = getattr(run, part), getattr(recipe, part)
        assert (getattr(new, field) != getattr(old, field)) if field else new != old
    assert ARMS[name].num_clips == run.data.num_clips


def test_arms_are_chosen_in_their_order():
    assert chosen_arms(()) == list(ARMS)
    assert chosen_arms(("30 clips", "width 64")) == ["width 64", "30 clips"]
    assert chosen_arms((MEASURED,)) == []
    with pytest.raises(UserError, match="no arm 'width 46'; did you mean 'width 64'"):
        chosen_arms(("width 46",))
