import pytest
import torch
import torch.nn.functional as F

from kinema.codecs import AdversarialLoss, PatchDiscriminator
from kinema.codecs.adversarial import (
    adaptive_weight,
    adversarial_loss,
    deception,
    discriminator_loss,
)

SMALL = AdversarialLoss(spatial=0.5, temporal=0.25, dim=16, depth=1, steepness=1.0)


def textures(seed: int, num_frames: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, num_frames, 16, 16, generator=generator) * 2 - 1


def blurred(clip: torch.Tensor) -> torch.Tensor:
    return F.avg_pool3d(clip, (1, 3, 3), 1, (0, 1, 1), count_include_pad=False)


def test_every_patch_has_a_verdict():
    verdicts = PatchDiscriminator(16, 1)(torch.zeros(2, 3, 5, 17, 24))
    assert verdicts.shape == (2, 1, 5, 4, 6)


def test_a_discriminator_learns_to_tell_blurred_from_sharp():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(16, 1, frames=1)
    optimizer = torch.optim.AdamW(discriminator.parameters(), lr=3e-3)
    for step in range(40):
        true = textures(step)
        discriminator_loss(discriminator, true, blurred(true), 1.0).backward()
        optimizer.step()
        optimizer.zero_grad()
    true = textures(1000)
    with torch.no_grad():
        assert discriminator(true).mean() > 0.5 > -0.5 > discriminator(blurred(true)).mean()


def test_frames_in_another_order_are_seen_by_time_and_not_by_space():
    torch.manual_seed(0)
    clip = textures(0, 4)
    for frames, sees in ((1, False), (3, True)):
        discriminator = PatchDiscriminator(16, 1, frames)
        forward, backward = discriminator(clip).mean(), discriminator(clip.flip(2)).mean()
        assert (abs(forward - backward) > 1e-5).item() == sees


def test_each_side_moves_only_itself():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(16, 1)
    coded = textures(1).requires_grad_()
    deception(discriminator, coded).backward()
    assert coded.grad.abs().sum() > 0
    assert all(p.grad is None for p in discriminator.parameters())
    coded.grad = None
    discriminator_loss(discriminator, textures(0), coded, 1.0).backward()
    assert coded.grad is None
    assert all(p.grad is not None for p in discriminator.parameters())


def test_the_adaptive_weight_makes_both_gradients_equally_long():
    layer = torch.ones(4, requires_grad=True)
    loss, game = (3 * layer).sum(), (0.5 * layer).sum()
    assert adaptive_weight(loss, game, layer).item() == pytest.approx(6.0, rel=1e-4)


def test_both_sides_of_the_game_are_added_and_named():
    torch.manual_seed(0)
    layer = torch.ones(3, 1, 1, 1, requires_grad=True)
    discriminators, true = SMALL.discriminators(), textures(0)
    coded = blurred(true) * layer
    loss = (coded - true).abs().mean()
    total, parts = adversarial_loss(discriminators, true, coded, loss, layer, SMALL)
    (loss + total).backward()
    assert set(parts) == {f"{part}_{name}" for part in ("deception", "discriminator", "balance")
                          for name in ("spatial", "temporal")}  # fmt: skip
    assert layer.grad.abs().sum() > 0
    assert all(p.grad is not None for p in discriminators.parameters())


def test_a_picture_is_not_judged_for_its_motion():
    discriminators, true = SMALL.discriminators(), textures(0, 1)
    layer = torch.ones(3, 1, 1, 1, requires_grad=True)
    coded = true * layer
    loss = (coded - 0.5 * true).abs().mean()
    parts = adversarial_loss(discriminators, true, coded, loss, layer, SMALL)[1]
    assert set(parts) == {"deception_spatial", "discriminator_spatial", "balance_spatial"}


def test_without_weights_there_is_no_game():
    assert len(AdversarialLoss().discriminators()) == 0
    assert list(AdversarialLoss(temporal=0.1).discriminators()) == ["temporal"]
