"""Rays and projection undo each other, and windows hold what they are asked to hold."""

import numpy as np
import pytest
import torch

from kinema.worlds.tabletop import sample_scene
from kinema.worlds.tabletop.view import PixelWindow, View

TIMES = np.linspace(0.0, 2.0, 5)
SIZE = (24, 40)


@pytest.fixture(scope="module", params=[2, 4])
def scene(request):
    return sample_scene(4, level=request.param)


@pytest.fixture(scope="module")
def view(scene):
    return View.of(scene, TIMES, SIZE, "cpu")


def test_a_ray_projects_back_to_its_pixel_at_its_depth(view):
    rows, columns = view.all_pixels()
    directions = view.directions(rows, columns)
    depth = torch.linspace(2.0, 9.0, rows.shape[1])
    points = view.origin[:, :, None] + depth * directions
    there = view.project(points)
    for found, expected in zip(there, (columns, rows, depth), strict=True):
        torch.testing.assert_close(found, expected.expand_as(found), rtol=0, atol=2e-4)


def test_rays_through_the_middle_and_the_edge(view):
    middle = view.rays(torch.tensor([[11.5]]), torch.tensor([[19.5]]))
    assert torch.equal(middle[..., 0], torch.tensor([0.0, 0.0, 1.0]).expand(5, 3))
    edge = view.rays(torch.tensor([[-0.5]]), torch.tensor([[19.5]]))  # the shorter side's
    torch.testing.assert_close(edge[:, 1, 0], -12 / view.focal)


def test_the_table_is_met_at_height_zero(view):
    rows, columns = view.all_pixels()
    directions = view.directions(rows, columns)
    point = view.on_table(directions)
    met = directions[:, 2] < -1e-3
    assert met.any() and point[:, 2][met].abs().max() < 1e-4
    aside = torch.linalg.cross(point - view.origin[:, :, None], directions, dim=1)
    assert aside.norm(dim=1)[met].max() < 1e-3


def test_a_body_sees_the_camera_where_it_is(scene, view):
    for index in range(len(scene.bodies)):
        origin, rays = view.to_body(index, torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1))
        turn, center = view.rotations[index], view.centers[index][:, :, None]
        torch.testing.assert_close(turn @ origin + center, view.origin[:, :, None])
        torch.testing.assert_close(turn @ rays, view.rotation[:, :, 2:], atol=1e-6, rtol=0)


def test_a_window_holds_its_body_and_no_more_than_a_margin(scene, view):
    for index, body in enumerate(scene.bodies):
        window = view.body_window(index, body)
        columns, rows, _ = view.project(view.body_corners(index, body))
        first = torch.stack((rows.amin(1), columns.amin(1)), 1)
        last = torch.stack((rows.amax(1), columns.amax(1)), 1)
        limit = torch.tensor(SIZE) - 1.0
        assert (window.top_left <= first.clamp(0.0).minimum(limit)).all()
        end = window.top_left + torch.tensor(window.size) - 1
        assert (end >= last.clamp(0.0).minimum(limit)).all()
        assert (window.top_left >= 0).all() and (end <= limit).all()
        widest = (last - first).amax(0)
        assert (torch.tensor(window.size) <= widest + 5).all()


def test_a_window_numbers_its_pixels(scene, view):
    window = view.body_window(0, scene.bodies[0])
    assert torch.equal(window.index, (window.rows * SIZE[1] + window.columns).long())
    assert window.index.shape == (5, window.size[0] * window.size[1])


def test_nothing_behind_the_edge_has_a_window(view):
    beside = view.rotation @ torch.tensor([9.0, 0.0, 1.0]).view(1, 3, 1) + view.origin[:, :, None]
    assert view.window(beside) is None


def test_some_frames_are_the_frames(view):
    part = view.frames(torch.tensor([3, 1]))
    assert part.num_frames == 2 and torch.equal(part.focal, view.focal[[3, 1]])
    assert torch.equal(part.centers, view.centers[:, [3, 1]])


def test_windows_meet_where_they_share_a_pixel():
    def window(top, left, size):
        none = torch.zeros(1, 0)
        return PixelWindow(none, none, none, torch.tensor([[0, 0], [top, left]]), size)

    still = torch.tensor([[50, 50], [0, 0]])
    one = PixelWindow(*[torch.zeros(1, 0)] * 3, still, (4, 6))
    assert one.meets(window(3, 5, (2, 2))) and window(3, 5, (2, 2)).meets(one)
    assert not one.meets(window(4, 5, (2, 2))) and not one.meets(window(3, 6, (2, 2)))
    assert not window(4, 5, (2, 2)).meets(one)
