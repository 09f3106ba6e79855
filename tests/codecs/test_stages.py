import torch

from kinema.codecs.stages import Chain, Down, Refiner, ResidualBlock, Up, pixel_norm


def test_down_and_up_halve_and_double_the_sides():
    x = torch.randn(2, 3, 8, 6, 4)
    half = Down(4, 6)(x)
    assert half.shape == (2, 3, 4, 3, 6)
    assert Up(6, 4)(half).shape == x.shape


def test_a_chain_in_two_chunks_is_the_chain_of_the_whole():
    chain, x, cache = (
        Chain([ResidualBlock(4), ResidualBlock(4, frames=2)]),
        torch.randn(1, 7, 5, 5, 4),
        {},
    )
    chunks = torch.cat([chain(part, cache) for part in x.split([3, 4], dim=1)], dim=1)
    torch.testing.assert_close(chunks, chain(x), atol=1e-5, rtol=1e-5)


def test_a_refiner_sees_no_later_frame():
    refiner, frames = Refiner((2, 2), width=8, depth=2, frames=3), torch.rand(1, 6, 8, 8, 3)
    changed = frames.clone()
    changed[:, 4:] = 0
    touched, others = refiner(frames), refiner(changed)
    assert torch.equal(touched[:, :4], others[:, :4]) and (touched != frames).any()


def test_pixel_norm_gives_every_pixel_mean_0_and_variance_1():
    x = torch.randn(2, 3, 4, 5, 16) * 7 + 3
    y = pixel_norm(x)
    torch.testing.assert_close(y.mean(-1), torch.zeros(2, 3, 4, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(-1, unbiased=False), torch.ones(2, 3, 4, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(pixel_norm(x[:, 1:2, 2:3]), y[:, 1:2, 2:3])
