import pytest

from kinema.recipes import RECIPES


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_is_a_filled_run_that_says_how_it_is_called(name):
    run = RECIPES[name]()
    assert run.loop.num_samples > 1000
    assert f"kinema train {name}" in RECIPES[name].__doc__
    assert run.data.split == "train"
    assert not hasattr(run, "held_out") or run.held_out.split == "held_out"
