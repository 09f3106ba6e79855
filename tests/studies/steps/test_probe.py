import numpy as np
import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.conditions import SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.training.sources import WorldClips
from kinema.video import System, VideoPipeline
from studies import steps
from studies.steps.probe import CODED, TRUE, Arm, Scenes, measure_all


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a system that has learned nothing."""
    torch.manual_seed(0)
    text = SmallTextEncoder.from_corpus(WorldClips().corpus(), SmallTextConfig(dim=32, depth=1))
    config = DiTConfig(channels=4, dim=32, depth=1, num_heads=1, patch=(1, 1, 1), text_dim=text.dim)
    codec = CausalVAE(CausalVAEConfig(4, widths=(8, 8), encoder_depth=(0, 0), decoder_depth=(0, 0)))
    pipe = VideoPipeline(DiT(config), codec, text, System(num_frames=5, size=(32, 32), fps=16.0))
    pipe.save_pretrained(folder := tmp_path_factory.mktemp("model"))
    return str(folder)


def test_every_arm_is_measured_once(model, tmp_path, monkeypatch):
    scenes, arms = Scenes(model, 1, 16), [Arm(1, 1.0), Arm(2, 2.0)]
    records = measure_all(scenes, arms, tmp_path)
    assert list(records) == [TRUE, CODED, *(arm.name for arm in arms)]
    for record in records.values():
        assert len(record.right) == 16
        assert len(record.at_borders) == len(record.sharpness) == len(scenes.still) > 0
    assert sum(records[TRUE].right) >= sum(records[arms[0].name].right)
    assert records[arms[1].name].seconds > 0 == records[TRUE].seconds
    assert records[CODED].distance[0] == 0 < records[arms[0].name].distance[0]

    monkeypatch.setattr(steps.probe, "sample", lambda scenes, arm: pytest.fail("sampled again"))
    again = measure_all(scenes, arms, tmp_path)
    assert {name: one.right for name, one in again.items()} == {
        name: one.right for name, one in records.items()
    }
    with pytest.raises(UserError, match="made with level 1, not 2"):
        measure_all(Scenes(model, 2, 16), arms, tmp_path)


def test_guidance_costs_a_second_call():
    assert (Arm(8, 1.0).num_calls, Arm(8, 1.5).num_calls) == (8, 16)


def test_the_same_noise_goes_into_every_arm(model):
    scenes = Scenes(model, 1, 16)
    once, again = (steps.probe.sample(scenes, Arm(1, 1.0)) for _ in range(2))
    assert np.array_equal(once, again)


@pytest.mark.parametrize("nothing", [{"num_prompts": 4}, {"num_steps": ()}, {"guidance": ()}])
def test_nothing_to_compare_is_one_sentence(nothing):
    with pytest.raises(UserError, match="needs a number of steps, a guidance scale and at least"):
        steps.run(**nothing)
