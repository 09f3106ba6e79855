import torch

from kinema.codecs import CausalVAE, CausalVAEConfig, CodecLoss, codec_loss
from kinema.codecs.objective import charbonnier, outlines

SMALL = CausalVAEConfig(channels=4, widths=(16, 24), encoder_depth=(0, 1), decoder_depth=(1, 0))


def sliding_squares(batch: int, num_frames: int, seed: int) -> torch.Tensor:
    """Bright squares that move to the right over a dark ground."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.full((batch, 3, num_frames, 16, 16), -0.5)
    for row in range(batch):
        x, y = torch.randint(0, 8, (2,), generator=generator).tolist()
        for frame in range(num_frames):
            left = x + frame // 2
            frames[row, :, frame, y : y + 6, left : left + 6] = 0.8
    return frames


def test_the_loss_on_unseen_clips_falls_in_a_tiny_real_training():
    torch.manual_seed(0)
    codec, unseen = CausalVAE(SMALL), sliding_squares(4, 5, seed=99)

    def held_out() -> float:
        with torch.no_grad():
            return codec_loss(codec, unseen, torch.Generator().manual_seed(0))[0].mean().item()

    start = held_out()
    optimizer = torch.optim.AdamW(codec.parameters(), lr=1e-3)
    for step in range(40):
        frames = sliding_squares(4, (1, 5)[step % 2], seed=step)
        loss, _ = codec_loss(codec, frames, torch.Generator().manual_seed(step))
        loss.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert held_out() < 0.95 * start


def test_the_loss_is_a_function_of_the_generator():
    torch.manual_seed(0)
    codec, frames = CausalVAE(SMALL), sliding_squares(2, 5, 0)

    def loss(seed):
        return codec_loss(codec, frames, torch.Generator().manual_seed(seed))[0]

    assert torch.equal(loss(1), loss(1))
    assert not torch.equal(loss(1), loss(2))


def test_the_loss_is_the_weighted_sum_of_its_parts_for_every_row():
    torch.manual_seed(0)
    codec, frames = CausalVAE(SMALL), sliding_squares(3, 5, 0)
    weights = CodecLoss(pixels=2.0, outlines=0.5, motion=0.25, kl=0.01, equivariance=0.125)
    loss, parts = codec_loss(codec, frames, torch.Generator().manual_seed(0), weights)
    assert set(parts) == {"pixels", "outlines", "motion", "kl", "equivariance"}
    assert all(part.shape == (3,) and not part.requires_grad for part in parts.values())
    expected = sum(getattr(weights, name) * part for name, part in parts.items())
    torch.testing.assert_close(loss.detach(), expected)


def test_a_picture_has_no_motion_and_a_part_of_weight_0_is_left_out():
    codec = CausalVAE(SMALL)
    _, parts = codec_loss(codec, sliding_squares(2, 1, 0), weights=CodecLoss(equivariance=0.0))
    assert parts["motion"].tolist() == [0.0, 0.0]
    assert "equivariance" not in parts


def test_charbonnier_is_0_at_0_and_l1_far_away():
    assert charbonnier(torch.zeros(2, 3)).tolist() == [0.0, 0.0]
    far = charbonnier(torch.full((1, 5), -3.0)).item()
    assert abs(far - 3.0) < 0.02


def test_outlines_do_not_see_a_constant_and_see_a_blurred_edge():
    edge = torch.zeros(1, 3, 1, 8, 8)
    edge[..., 4:] = 1
    blurred = torch.nn.functional.avg_pool3d(edge, (1, 1, 3), 1, (0, 0, 1), count_include_pad=False)
    assert outlines(torch.full_like(edge, 0.3)).item() < 1e-6
    assert outlines(blurred - edge).item() > 0.05
