import pytest

from kinema.errors import UserError
from kinema.recipes import RECIPES


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_is_a_filled_run_that_says_how_it_is_called(name):
    run = RECIPES[name]()
    assert run.loop.num_samples > 1000
    assert f"kinema train {name}" in RECIPES[name].__doc__


@pytest.mark.parametrize("name", sorted(name for name in RECIPES if name.startswith("tabletop")))
def test_what_is_held_out_is_never_trained_on(name):
    run = RECIPES[name]()
    assert run.data.split == "train" and run.held_out.split == "held_out"


@pytest.mark.parametrize("name", ["per-frame", "temporal-decoder"])
def test_baselines_differ_from_the_codec_in_the_network_alone(name):
    baseline, codec = RECIPES[f"tabletop-codec-{name}"](), RECIPES["tabletop-codec-8"]()
    assert baseline.codec != codec.codec and baseline.folder != codec.folder
    baseline.codec, baseline.folder, baseline.loop = codec.codec, codec.folder, codec.loop
    assert baseline == codec


@pytest.mark.parametrize("name", ["tabletop", "tabletop-codec", "physics-uniform"])
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("learning_rate", -1.0, "loop.learning_rate is -1.0, and must be 0 or more."),
        ("batch_size", "8", "loop.batch_size takes a whole number, not '8'."),
        ("decay_share", float("nan"), "loop.decay_share is nan"),
    ],
)
def test_what_python_fills_in_is_checked_before_anything_is_made(name, field, value, said):
    run = RECIPES[name]()
    setattr(run.loop, field, value)
    with pytest.raises(UserError, match=said):
        run.prepared()
