import torch

from kinema.training.tasks.judge_degradation import degrade


def clips(n=8):
    ramp = torch.linspace(-0.9, 0.9, 32)
    return ramp.expand(n, 3, 5, 32, 32).clone()


def worn(seed=0):
    return degrade(clips(), torch.Generator().manual_seed(seed))


def test_wear_is_seeded_and_stays_in_range():
    assert torch.equal(worn(1), worn(1))
    assert not torch.equal(worn(1), worn(2))
    assert worn().abs().max() <= 1 and worn().shape == clips().shape


def test_wear_is_visible_but_leaves_the_picture():
    change = (worn() - clips()).abs().mean((1, 2, 3, 4))
    assert change.max() > 0.02
    assert change.max() < 0.25
    assert change.std() > 0.003, "every clip is worn in its own way"


def test_some_clips_stay_nearly_clean():
    generator = torch.Generator().manual_seed(0)
    still = torch.zeros(64, 3, 3, 16, 16)  # shifting and blurring do not change a flat clip
    change = degrade(still, generator).abs().mean((1, 2, 3, 4))
    assert 0.05 < (change < 1e-6).float().mean() < 0.4
