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
from studies.steps.probe import CODED, TRUE, Arm, Study, measure_all


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
    study = Study(model, 1, 16, num_steps=(1, 2), guidance=(1.0,), folder=str(tmp_path))
    records = measure_all(study)
    assert list(records) == [TRUE, CODED, *(arm.name for arm in study.arms)]
    first, second = (records[arm.name] for arm in study.arms)
    for record in records.values():
        assert len(record.right) == 16
        assert len(record.at_borders) == len(record.sharpness) == len(study.still) > 0
    assert sum(records[TRUE].right) >= sum(first.right)
    assert second.seconds > 0 == records[TRUE].seconds
    assert records[CODED].distance[0] == 0 < first.distance[0]

    monkeypatch.setattr(steps.probe, "sample", lambda study, arm: pytest.fail("sampled again"))
    assert [one.right for one in measure_all(study).values()] == [
        one.right for one in records.values()
    ]
    with pytest.raises(UserError, match="made with level 1, not 2"):
        measure_all(Study(model, 2, 16, folder=str(tmp_path)))


def test_guidance_costs_a_second_call():
    assert (Arm(8, 1.0).num_calls, Arm(8, 1.5).num_calls) == (8, 16)


def test_the_same_noise_goes_into_every_arm(model):
    study = Study(model, 1, 16)
    once, again = (steps.probe.sample(study, Arm(1, 1.0)) for _ in range(2))
    assert np.array_equal(once, again)


@pytest.mark.parametrize("nothing", [{"num_prompts": 4}, {"num_steps": ()}, {"guidance": ()}])
def test_nothing_to_compare_is_one_sentence(nothing):
    with pytest.raises(UserError, match="num_prompts is 4|needs a number of steps"):
        Study(**nothing)
