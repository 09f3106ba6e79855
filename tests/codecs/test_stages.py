import torch

from kinema.codecs.stages import Chain, Down, Refiner, ResidualBlock, Up


def test_down_and_up_halve_and_double_the_sides():
    x = torch.randn(2, 4, 3, 8, 6)
    half = Down(4, 6)(x)
    assert half.shape == (2, 6, 3, 4, 3)
    assert Up(6, 4)(half).shape == x.shape


def test_a_chain_in_two_chunks_is_the_chain_of_the_whole():
    chain, x, cache = (
        Chain([ResidualBlock(4), ResidualBlock(4, frames=2)]),
        torch.randn(1, 4, 7, 5, 5),
        {},
    )
    chunks = torch.cat([chain(part, cache) for part in x.split([3, 4], dim=2)], dim=2)
    torch.testing.assert_close(chunks, chain(x), atol=1e-5, rtol=1e-5)


def test_a_refiner_sees_no_later_frame():
    refiner, frames = Refiner((2, 2), width=8, depth=2, frames=3), torch.rand(1, 3, 6, 8, 8)
    changed = frames.clone()
    changed[:, :, 4:] = 0
    touched, others = refiner(frames), refiner(changed)
    assert torch.equal(touched[:, :, :4], others[:, :, :4]) and (touched != frames).any()
