import numpy as np
import pytest
import torch

from kinema.motion.lucas_kanade import (
    LucasKanade,
    gradients,
    halved,
    lucas_kanade,
    resized,
    window,
)
from kinema.worlds import Rendering, tabletop


def waves(shift_x, shift_y, size=64):
    """A smooth picture that can be evaluated anywhere; contents move by the shifts."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    x, y = x - shift_x, y - shift_y
    values = torch.sin(x / 3) * torch.cos(y / 4) + torch.sin((x + 2 * y) / 9)
    return 0.45 * values[None, None].float()


@pytest.mark.parametrize(
    "shift, bound",
    [((0.0, 0.0), 1e-6), ((0.37, -0.21), 0.005), ((2.6, 1.3), 0.02), ((-6.2, 3.7), 0.2)],
)
def test_a_translation_is_found_to_a_fraction_of_a_pixel(shift, bound):
    flow = lucas_kanade(waves(0, 0), waves(*shift))
    error = (flow[0] - torch.tensor(shift)[:, None, None])[:, 12:-12, 12:-12].norm(dim=0)
    assert error.mean() < bound


def test_flow_varies_over_the_picture():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    zoom = torch.stack([(x - 32) * 0.02, (y - 32) * 0.02])
    flow = lucas_kanade(waves(0, 0), waves(*((z - 32) * 0.02 / 1.02 for z in (x, y))))
    assert (flow[0] - zoom)[:, 8:-8, 8:-8].norm(dim=0).mean() < 0.01


def test_rows_do_not_see_each_other():
    a, b = waves(0, 0), torch.cat([waves(1, 0), waves(0, 2)])
    both = lucas_kanade(a.expand(2, -1, -1, -1), b)
    assert torch.allclose(both[:1], lucas_kanade(a, b[:1]), atol=1e-5)


def test_what_has_no_texture_stands_still():
    flat = torch.full((1, 3, 40, 56), 0.3)
    assert lucas_kanade(flat, flat + 0.2).abs().max() == 0


def test_the_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    a = torch.rand(1, 1, 8, 9, dtype=torch.float64, requires_grad=True)
    b = (a.detach() + 0.1 * torch.rand_like(a)).requires_grad_()
    settings = LucasKanade(radius=2, num_iterations=2, stiffness=1e-2)
    assert torch.autograd.gradcheck(lambda x, y: lucas_kanade(x, y, settings), (a, b))


def test_a_loss_on_flow_moves_a_picture():
    """What a motion loss does: descend until the flow between two pictures is as wanted."""
    shift = torch.tensor(0.2, requires_grad=True)
    optimizer = torch.optim.SGD([shift], lr=0.3)
    for _ in range(8):
        flow = lucas_kanade(waves(0, 0, 32), waves(shift, 0, 32))
        loss = (flow[:, 0, 8:-8, 8:-8] - 1.5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert abs(shift.item() - 1.5) < 0.1


def test_against_the_exact_flow_of_a_world():
    """Closer to the truth than standing still, on pixels that move."""
    (clip,) = tabletop.render([3], Rendering(num_frames=3, size=64, level=2, truth=True))
    truth = clip.truth.flow_forward[1]
    flow = LucasKanade(short_side=128)(clip.frames[1], clip.frames[2])
    moving = np.linalg.norm(truth, axis=-1) > 0.3
    assert moving.any()
    error = np.linalg.norm(flow - truth, axis=-1)
    assert error[moving].mean() < 0.9 * np.linalg.norm(truth, axis=-1)[moving].mean()
    assert error[~moving].mean() < 0.5


def test_pieces():
    image = torch.rand(1, 2, 9, 12)
    ramp = torch.arange(12.0).expand(1, 1, 9, 12)
    assert torch.equal(gradients(ramp)[0][..., 1:-1], torch.ones(1, 1, 9, 10))
    assert torch.equal(gradients(ramp)[1], torch.zeros(1, 1, 9, 12))
    assert torch.allclose(window(torch.ones_like(image), 3), torch.ones_like(image))
    assert halved(image).shape == (1, 2, 5, 6)
    coarse = torch.arange(5.0).view(1, 1, 1, 5).expand(1, 2, 4, 5)
    fine = resized(coarse, (8, 9))  # position 2 i of the fine grid is position i of the coarse one
    assert torch.allclose(fine[0, 0, 0], torch.arange(9.0), atol=1e-5)
