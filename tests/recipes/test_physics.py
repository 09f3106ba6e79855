import pytest

from kinema.recipes import RECIPES, physics_box, physics_codec, physics_curtain
from kinema.worlds import discs

LAWS = ("uniform", "parabola", "collision", "box", "curtain")


@pytest.mark.parametrize("law", LAWS)
def test_every_law_has_its_recipe(law):
    run = RECIPES[f"physics-{law}"]()
    assert law in discs.LAWS and run.data.law == law and run.folder == f"runs/physics-{law}"
    assert run.denoiser.patch == (1, 8, 8) and run.data.size % 8 == 0


@pytest.mark.parametrize("recipe", [physics_box, physics_curtain])
def test_the_boxes_look_24_frames_back_from_degraded_histories(recipe):
    run = recipe()
    assert (run.given, run.most_given, run.data.num_frames) == (8, 24, 32)
    assert run.degradation.share > 0.5 and run.init == "physics-uniform"


def test_what_the_codec_is_measured_on_is_never_trained_on():
    run = physics_codec()
    assert run.held_out.seed >= run.data.seed + 10**8 and run.codec.fitted
