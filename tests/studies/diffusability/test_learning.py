import pytest
import torch

from kinema.clips import to_tensor
from kinema.errors import UserError
from studies.diffusability.learning import Learner, Study


@pytest.fixture(scope="module")
def learner(codecs, study):
    return Learner(codecs[0], study)


def test_every_channel_has_unit_variance(learner):
    x = learner.latents.read(range(64))[0]["latents"]
    assert x.shape == (64, 4, 2, 4, 4)
    torch.testing.assert_close(x.std((0, 2, 3, 4)), torch.ones(4), rtol=1e-3, atol=0)
    torch.testing.assert_close(x.mean((0, 2, 3, 4)), torch.zeros(4), rtol=0, atol=1e-3)
    torch.testing.assert_close(learner.latents.unit(learner.latents.raw(x)), x)


def test_decoding_is_the_way_back(learner, study):
    frames = torch.stack([to_tensor(c.frames) for c in study.clips(0, 2).render([0, 1])])
    back = learner.decode(learner.encode(frames))
    assert back.shape == (2, 5, 32, 32, 3)
    straight = learner.codec(frames).clamp(-1, 1)
    assert (to_tensor(back) - straight).abs().max() < 0.02  # rounded to 8 bits


def test_a_trained_network_is_found_again(learner, study, monkeypatch):
    task, loss = learner.learn(0)
    captions = ["a red ball rolls to the right"] * 3
    first = learner.samples(task, captions, 0)
    assert first.shape == (3, 5, 32, 32, 3) and loss > 0
    monkeypatch.setattr("studies.ladder.task.train", None)
    again, same = learner.learn(0)
    assert same == loss and (learner.samples(again, captions, 0) == first).all()
    assert (learner.samples(again, captions, 1) != first).any()  # another seed, other noise


def test_too_few_clips_are_refused(tmp_path):
    with pytest.raises(UserError, match="at least 1, 1 and 16"):
        Study(tmp_path, num_clips=8)
