import torch

from kinema.blocks.temporal_convolution import Pseudo3DConvolution, TemporalConvolution


def reach(mixer):
    """Where an impulse in the middle of a clip of 7 frames of 5x5 places is felt: bool f h w."""
    torch.nn.init.normal_(mixer.time.taps.weight)
    x = torch.randn(1, 7, 5, 5, 8)
    changed = x.clone()
    changed[:, 3, 2, 2] += 1
    with torch.no_grad():
        return (mixer(changed) - mixer(x)).abs().amax((0, 4)) > 1e-6


def test_a_convolution_in_time_sees_its_kernel_at_its_own_place():
    moved = reach(TemporalConvolution(8, 5, causal=False))
    assert moved[:, 2, 2].tolist() == [False, True, True, True, True, True, False]
    assert moved.sum() == 5
    moved = reach(TemporalConvolution(8, 3, causal=True))
    assert moved[:, 2, 2].tolist() == [False, False, False, True, True, True, False]


def test_a_pseudo_3d_convolution_sees_the_neighbours_too():
    moved = reach(Pseudo3DConvolution(8, 3, causal=False))
    assert moved[2:5, 1:4, 1:4].all() and moved.sum() == 27
