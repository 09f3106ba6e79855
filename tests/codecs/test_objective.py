import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kinema.codecs import CausalVAE, CausalVAEConfig, CodecLoss, codec_loss, reconstruct
from kinema.codecs.objective import (
    TRANSFORMS,
    PixelMotion,
    along,
    charbonnier,
    equivariance,
    laplacian_distance,
    outlines,
    possible,
)

SMALL = CausalVAEConfig(channels=4, widths=(16, 24), encoder_depth=(0, 1), decoder_depth=(1, 0))


def loss_of(codec, frames, seed, weights=None, **given):
    """The loss and its parts, everything drawn from one seed."""
    generator = torch.Generator().manual_seed(seed)
    coded = reconstruct(codec, frames, generator)
    return codec_loss(codec, coded, weights or CodecLoss(), generator=generator, **given)


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
            return loss_of(codec, unseen, 0)[0].mean().item()

    start = held_out()
    optimizer = torch.optim.AdamW(codec.parameters(), lr=1e-3)
    for step in range(40):
        frames = sliding_squares(4, (1, 5)[step % 2], seed=step)
        loss, _ = loss_of(codec, frames, step)
        loss.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert held_out() < 0.95 * start


def test_the_loss_is_a_function_of_the_generator():
    torch.manual_seed(0)
    codec, frames = CausalVAE(SMALL), sliding_squares(2, 5, 0)

    assert torch.equal(loss_of(codec, frames, 1)[0], loss_of(codec, frames, 1)[0])
    assert not torch.equal(loss_of(codec, frames, 1)[0], loss_of(codec, frames, 2)[0])


def test_the_loss_is_the_weighted_sum_of_its_parts_for_every_row():
    torch.manual_seed(0)
    codec, frames = CausalVAE(SMALL), sliding_squares(3, 5, 0)
    weights = CodecLoss(2.0, 0.5, 0.25, flow=0.3, perceptual=0.2, kl=0.01, equivariance=0.125)
    still = PixelMotion(torch.zeros(3, 4, 16, 16, 2), torch.ones(3, 4, 16, 16, dtype=torch.bool))
    loss, parts = loss_of(codec, frames, 0, weights, motion=still)
    names = {"pixels", "outlines", "motion", "flow", "perceptual", "kl", "equivariance"}
    assert set(parts) == names
    assert all(part.shape == (3,) and not part.requires_grad for part in parts.values())
    expected = sum(getattr(weights, name) * part for name, part in parts.items())
    torch.testing.assert_close(loss.detach(), expected)


def test_a_picture_has_no_motion_and_a_part_of_weight_0_is_left_out():
    codec = CausalVAE(SMALL)
    weights, nowhere = CodecLoss(equivariance=0.0, flow=1.0), torch.zeros(2, 0, 16, 16, 2)
    motion = PixelMotion(nowhere, nowhere[..., 0].bool())
    _, parts = loss_of(codec, sliding_squares(2, 1, 0), 0, weights, motion=motion)
    assert parts["motion"].tolist() == [0.0, 0.0]
    assert set(parts) == {"pixels", "outlines", "motion", "kl"}


def test_any_distance_of_two_clips_may_be_the_perceptual_one():
    def constant(a, b):
        return (a - b).flatten(1).sum(dim=1) * 0 + 7

    weights = CodecLoss(perceptual=1.0)
    _, parts = loss_of(CausalVAE(SMALL), sliding_squares(2, 1, 0), 0, weights, perceptual=constant)
    assert parts["perceptual"].tolist() == [7.0, 7.0]


def test_an_error_that_travels_with_the_clip_does_not_flicker():
    """A blob of error two pixels to the right in every frame, and the flow that says so."""
    error = torch.zeros(1, 3, 3, 8, 16)
    for frame in range(3):
        error[:, :, frame, 2:5, 4 + 2 * frame : 7 + 2 * frame] = 0.5
    seen = torch.ones(1, 2, 8, 16, dtype=torch.bool)
    right = torch.tensor([2.0, 0.0]).expand(1, 2, 8, 16, 2)
    assert along(error, PixelMotion(right, seen)).abs().max() < 1e-5
    assert along(error, PixelMotion(torch.zeros_like(right), seen)).abs().max() > 0.4
    assert along(error, PixelMotion(torch.zeros_like(right), ~seen)).abs().max() == 0


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


# As it starts, with 3 channels, this codec keeps the mean color of every block and nothing else.
MEANS = CausalVAE(CausalVAEConfig(3, (4, 4, 4), (8, 8), (0, 0), (0, 0))).requires_grad_(False)


def still_blocks(num_frames: int = 17) -> torch.Tensor:
    """Flat squares of 16 pixels, of random colors, that do not change."""
    colors = torch.rand(2, 3, 1, 2, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    large = colors.repeat_interleave(16, 3).repeat_interleave(16, 4)
    return large.expand(-1, -1, num_frames, -1, -1)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_means_of_flat_still_blocks_move_as_their_frames_do(name):
    frames = still_blocks()
    difference = equivariance(MEANS, MEANS.encode(frames), frames, name)
    assert difference.abs().max() < 1e-4


@pytest.mark.parametrize(
    "name, shape", [("scale", (17, 16, 24)), ("turn", (17, 48, 32)), ("speed", (9, 32, 48))]
)
def test_the_target_is_the_transformed_clip(name, shape):
    frames = still_blocks()
    latents = MEANS.encode(frames)
    assert TRANSFORMS[name](latents, frames, MEANS.factors)[1].shape == (2, 3, *shape)
    assert equivariance(MEANS, latents, frames, name).shape == (2, 3, *shape)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_latents_of_another_clip_are_found_out(name):
    frames = still_blocks()
    difference = equivariance(MEANS, MEANS.encode(frames.flip(4)), frames, name)
    assert difference.abs().max() > 0.1


@pytest.mark.parametrize("num_frames, size", [(7, (19, 30)), (12, (16, 9)), (10, (40, 25))])
def test_clips_that_fill_no_whole_blocks_are_transformed_too(num_frames, size):
    frames = torch.rand(1, 3, num_frames, *size) * 2 - 1
    latents = MEANS.encode(frames)
    for name in possible(MEANS, frames):
        assert equivariance(MEANS, latents, frames, name).numel() > 0


def test_every_second_frame_of_a_codec_frame_by_frame():
    codec = CausalVAE(CausalVAEConfig(3, (1, 4, 4), (8, 8), (0, 0), (0, 0)))
    latents, frames = torch.arange(6.0).view(1, 1, 6, 1, 1), torch.zeros(1, 3, 6, 8, 8)
    fast, target = TRANSFORMS["speed"](latents, frames, codec.factors)
    assert fast.flatten().tolist() == [0, 2, 4] and target.shape[2] == 3


def test_a_tiny_picture_can_only_be_left_alone():
    assert possible(MEANS, torch.zeros(1, 3, 1, 7, 7)) == []
    assert possible(MEANS, torch.zeros(1, 3, 1, 8, 8)) == ["turn"]
    assert possible(MEANS, still_blocks()) == list(TRANSFORMS)


def test_latents_that_are_not_square_are_not_turned():
    wide = CausalVAE(CausalVAEConfig(3, (1, 4, 8), (8,), (0,), (0,)))
    assert "turn" not in possible(wide, still_blocks())
    assert "turn" in possible(MEANS, still_blocks())


def noise(num_frames: int = 2, size: int = 32) -> torch.Tensor:
    return (
        torch.rand(2, 3, num_frames, size, size, generator=torch.Generator().manual_seed(0)) - 0.5
    )


def blurred(clip: torch.Tensor, width: int) -> torch.Tensor:
    window, padding = (1, width, width), (0, width // 2, width // 2)
    return F.avg_pool3d(clip, window, stride=1, padding=padding, count_include_pad=False)


def test_equal_clips_are_at_no_distance_and_their_gradient_is_finite():
    clip = noise().requires_grad_()
    distance = laplacian_distance(clip, clip.detach())
    assert distance.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    distance.sum().backward()
    assert torch.isfinite(clip.grad).all()


def test_the_more_blurred_the_farther():
    clip = noise()
    near, far = (laplacian_distance(blurred(clip, width), clip) for width in (3, 7))
    assert near.shape == (2,) and (near > 0.05).all() and (near < far).all()


def test_an_error_counts_more_where_the_picture_is_calm():
    """The same faint noise, once on a flat ground and once on a strong texture."""
    faint = 0.1 * noise()
    calm, busy = torch.zeros_like(faint), torch.sign(noise(size=32).flip(3))
    on_calm, on_busy = (laplacian_distance(ground + faint, ground) for ground in (calm, busy))
    assert (on_calm > 2 * on_busy).all()


def test_rows_do_not_meet():
    a, b = noise(), blurred(noise(), 3)
    together = laplacian_distance(b, a)
    alone = torch.cat([laplacian_distance(b[i : i + 1], a[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone)


def test_mixed_precision_changes_nothing():
    a, b = noise(), blurred(noise(), 3)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = laplacian_distance(b, a)
    assert torch.equal(mixed, laplacian_distance(b, a))


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (5, 4)])
def test_small_pictures_have_fewer_bands(size):
    a = torch.zeros(1, 3, 1, *size)
    assert laplacian_distance(a + 0.5, a).item() > 0


def opencv_distance(a, b):
    """The same pyramid by OpenCV, for one frame (h w 3)."""
    errors = []
    for level in range(5):
        blurs = [cv2.sepFilter2D(x, -1, TAPS, TAPS, None, (-1, -1), 0, REPEAT) for x in (a, b)]
        smalls = [blur[::2, ::2] for blur in blurs]
        size = a.shape[1::-1]
        pairs = zip((a, b), smalls, strict=True)
        bands = (a, b) if level == 4 else [x - cv2.resize(small, size) for x, small in pairs]
        x, y = (band / (0.05 + mean_near(np.abs(band))) for band in bands)
        errors.append(np.sqrt(np.square(x - y).mean()))
        a, b = smalls
    return np.mean(errors)


TAPS, REPEAT = np.array([1, 4, 6, 4, 1]) / 16, cv2.BORDER_REPLICATE


def mean_near(band):
    total, count = (
        cv2.boxFilter(x, -1, (5, 5), None, (-1, -1), False, cv2.BORDER_CONSTANT)
        for x in (band, np.ones_like(band))
    )
    return total / count


def test_the_distance_is_that_of_opencvs_pyramid():
    a, b = (np.random.default_rng(seed).uniform(-1, 1, (64, 96, 3)) for seed in (0, 1))
    b = 0.7 * a + 0.3 * b
    clips = (torch.from_numpy(x).permute(2, 0, 1)[None, :, None] for x in (a, b))
    assert laplacian_distance(*clips).item() == pytest.approx(opencv_distance(a, b), rel=1e-3)
