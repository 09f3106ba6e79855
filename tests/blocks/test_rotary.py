import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks.rotary import rotary_angles, rotate, time_angles

sizes = st.integers(1, 5)


@given(f=sizes, h=sizes, w=sizes, head_dim=st.sampled_from([6, 8, 16, 64]))
@settings(max_examples=20, deadline=None)
def test_rotation_keeps_lengths_and_leaves_the_first_token_alone(f, h, w, head_dim):
    angles = rotary_angles((f, h, w), head_dim)
    assert angles.shape == (f * h * w, head_dim // 2)
    x = torch.randn(2, f * h * w, head_dim)
    y = rotate(x, angles)
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(y[:, 0], x[:, 0])


def test_dot_products_depend_on_differences_of_positions_only():
    grid = (4, 4, 4)
    angles = rotary_angles(grid, 16).double()
    q, k = torch.randn(2, 16, dtype=torch.double)
    turned_q = rotate(q.expand(64, 16), angles).view(*grid, 16)
    turned_k = rotate(k.expand(64, 16), angles).view(*grid, 16)
    for step in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, 1)]:
        here = turned_q[0, 0, 0] @ turned_k[step]
        there = turned_q[1, 1, 1] @ turned_k[1 + step[0], 1 + step[1], 1 + step[2]]
        torch.testing.assert_close(here, there)
        assert (here - turned_q[0, 0, 0] @ turned_k[0, 0, 0]).abs() > 1e-6  # and do depend


def test_positions_of_a_part_of_the_grid_are_those_of_the_whole():
    whole = rotary_angles((3, 4, 5), 16).view(3, 4, 5, -1)
    part = rotary_angles((2, 3, 4), 16).view(2, 3, 4, -1)
    assert torch.equal(whole[:2, :3, :4], part)


def test_gradcheck():
    x = torch.randn(2, 6, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: rotate(y, rotary_angles((1, 2, 3), 8)), (x,))


def test_a_stream_goes_on_where_it_was():
    whole = rotary_angles((5, 2, 2), 16).view(5, 4, -1)
    assert torch.equal(rotary_angles((3, 2, 2), 16, first_frame=2).view(3, 4, -1), whole[2:])
    assert torch.equal(time_angles(3, 16, first_frame=2), time_angles(5, 16)[2:])
    assert time_angles(5, 16).shape == (5, 8)


def test_a_quarter_of_the_pairs_turns_with_the_frame_and_the_rest_with_row_and_column():
    angles = rotary_angles((4, 3, 5), 16).view(4, 3, 5, 8)
    time, space = torch.tensor([1, 100**-0.5]), 100 ** (-torch.arange(3) / 3)
    torch.testing.assert_close(angles[3, 2, 4], torch.cat([3 * time, 2 * space, 4 * space]))
    torch.testing.assert_close(angles[0, 2, 0], torch.cat([0 * time, 2 * space, 0 * space]))
    later = rotary_angles((1, 1, 1), 16, first_frame=-3)[0]
    torch.testing.assert_close(later, torch.cat([-3 * time, 0 * space, 0 * space]))


def test_along_time_alone_all_pairs_turn_with_the_frame():
    expected = torch.arange(3.0)[:, None] * torch.tensor([1, 100**-0.25, 100**-0.5, 100**-0.75])
    torch.testing.assert_close(time_angles(3, 8), expected)


def test_a_pair_is_a_complex_number_that_is_turned_forward():
    x, angles = torch.randn(2, 5, 8), torch.randn(5, 4)
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.exp(1j * angles)
    torch.testing.assert_close(rotate(x, angles), torch.cat([turned.real, turned.imag], -1))
