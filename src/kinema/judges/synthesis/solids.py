"""What is tried as the explanation of a clip: a stage, and solids with a pose a frame.

A pose is a place on the table, a height above rest and a turn about the vertical, so that growing
or shrinking leaves a resting solid on the table. Axes: k solids, f frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinema.worlds.tabletop.attributes import SIZES
from kinema.worlds.tabletop.motion import Height, Lane
from kinema.worlds.tabletop.render import render_view
from kinema.worlds.tabletop.scene import Arrangement, Body
from kinema.worlds.tabletop.staging import half_extents
from kinema.worlds.tabletop.truth import first_hits
from kinema.worlds.tabletop.view import View

POSES = ("x", "y", "height", "turn")
X, Y, HEIGHT, TURN = range(4)
LIGHTS = ("light x", "light y")
# Shared numbers: the step of a derivative, the least and the greatest value
SHARED = {
    "radius": (0.02, 0.45, 0.90),
    "pitch": (0.01, 0.33, 0.47),
    "distance": (0.10, 7.2, 7.9),
    "amount": (0.02, 0.2, 1.8),
    "light x": (0.04, -0.75, -0.35),
    "light y": (0.04, -0.80, -0.40),
}
LIKELY = {  # mean and deviation of what the world draws
    "pitch": (0.39, 0.04),
    "distance": (7.55, 0.15),
    "light x": (-0.55, 0.07),
    "light y": (-0.60, 0.07),
}


@dataclass
class Solid:
    """One object as it is tried."""

    shape: str
    color: str
    material: str
    lying: bool
    radius: float  # of a ball of its size, world units
    poses: Tensor  # (f 4), as in `POSES`
    pattern: str = "plain"

    @property
    def body(self) -> Body:
        """The solid as the renderer takes it; its poses say where it is, not its lane."""
        unit = SIZES["large"]
        x, y, z = half_extents(self.shape, "large")
        half = (x * self.radius / unit, y * self.radius / unit, z * self.radius / unit)
        return Body(
            self.shape, self.color, self.material, self.size, self.pattern, half=half,
            lane=Lane(0.0), height=Height(), turn=Lane(0.0), origin=np.zeros(2), heading=0.0,
            lying=self.lying,
        )  # fmt: skip

    @property
    def size(self) -> str:
        """The word for its size."""
        return min(SIZES, key=lambda size: abs(SIZES[size] - self.radius))

    @property
    def is_turned(self) -> bool:
        """Whether a turn about the vertical changes its picture."""
        return self.shape == "cube" or self.lying

    @property
    def period(self) -> float:
        """The turn in radians after which it looks the same."""
        return float(np.pi if self.lying else np.pi / 2)

    @property
    def centers(self) -> Tensor:
        """World places (f 3)."""
        up = self.poses[:, HEIGHT] + self.body.rest_height
        return torch.stack((self.poses[:, X], self.poses[:, Y], up), dim=1)

    @property
    def rotations(self) -> Tensor:
        """Rotations (f 3 3), body -> world; a lying cylinder's axis is turned from the x axis."""
        turn = self.poses[:, TURN]
        c, s, o, i = turn.cos(), turn.sin(), torch.zeros_like(turn), torch.ones_like(turn)
        if self.lying:  # the columns point down, across the axis, and along it
            rows = (o, -s, c, o, c, s, -i, o, o)
        else:
            rows = (c, -s, o, s, c, o, o, o, i)
        return torch.stack(rows, dim=1).unflatten(1, (3, 3))


@dataclass
class Guess:
    """A stage with solids on it."""

    stage: Arrangement  # without bodies
    solids: list[Solid]

    def replaced(self, number: int, solid: Solid) -> "Guess":
        """The same with another solid in place of one."""
        solids = list(self.solids)
        solids[number] = solid
        return Guess(self.stage, solids)

    def some(self, index: np.ndarray) -> "Guess":
        """The same in some of the frames."""
        return Guess(self.stage, [replace(one, poses=one.poses[index]) for one in self.solids])

    def repeated(self, copies: int) -> "Guess":
        """The same with so many copies of all frames, one after the other."""
        solids = [replace(one, poses=one.poses.repeat(copies, 1)) for one in self.solids]
        return Guess(self.stage, solids)

    def shared(self, which: Sequence[int], staging: bool) -> list[tuple[str, int]]:
        """The names of numbers that all frames share, and of which solid: -1 for the stage's."""
        names = [("radius", number) for number in which]
        if staging:
            moves = self.stage.camera.move != "still"
            names += [(one, -1) for one in LIKELY] + [("amount", -1)] * moves
        return names

    def value(self, one: tuple[str, int]) -> float:
        """A shared number."""
        name, number = one
        if name == "radius":
            return self.solids[number].radius
        if name.startswith("light"):
            light = self.stage.stage.light
            return float(light[LIGHTS.index(name)] / light[2])
        return float(getattr(self.stage.camera, name))

    def step(self, one: tuple[str, int]) -> float:
        """How far a shared number is moved for a derivative: away from its nearer end."""
        step, low, high = SHARED[one[0]]
        return step if self.value(one) < (low + high) / 2 else -step

    def nudged(self, names: Sequence[tuple[str, int]], steps: Tensor) -> "Guess":
        """Add steps (s,) to shared numbers, within what the world has."""
        guess = self
        for (name, number), step in zip(names, steps.tolist(), strict=True):
            unit, low, high = SHARED[name]
            step = float(np.clip(step, -4 * unit, 4 * unit))
            value = float(np.clip(guess.value((name, number)) + step, low, high))
            guess = guess.with_value(name, number, value)
        return guess

    def with_value(self, name: str, number: int, value: float) -> "Guess":
        if name == "radius":
            return self.replaced(number, replace(self.solids[number], radius=value))
        if not name.startswith("light"):
            changed: dict[str, Any] = {name: value}
            camera = replace(self.stage.camera, **changed)
            return Guess(replace(self.stage, camera=camera), self.solids)
        light = self.stage.stage.light / self.stage.stage.light[2]
        light[LIGHTS.index(name)] = value
        stage = replace(self.stage.stage, light=light / np.linalg.norm(light))
        return Guess(replace(self.stage, stage=stage), self.solids)

    def oddness(self) -> float:
        """How unlikely camera and light are in this world, as a sum of squares."""
        return sum(
            ((self.value((name, -1)) - mean) / deviation) ** 2
            for name, (mean, deviation) in LIKELY.items()
        )

    def add_oddness(self, names: Sequence[tuple[str, int]], normal: Tensor, right: Tensor) -> None:
        """Add it to normal equations (s s), (s,) of shared numbers."""
        for i, one in enumerate(names):
            if one[0] in LIKELY:
                mean, deviation = LIKELY[one[0]]
                normal[i, i] += deviation**-2
                right[i] += (self.value(one) - mean) * deviation**-2


def scene_of(guess: Guess, times: np.ndarray, size: tuple[int, int]) -> tuple[Arrangement, View]:
    """Turn a guess into what the renderer takes."""
    scene = replace(guess.stage, bodies=[solid.body for solid in guess.solids])
    centers, rotations = torch.zeros(0, len(times), 3), torch.zeros(0, len(times), 3, 3)
    if guess.solids:
        centers = torch.stack([solid.centers for solid in guess.solids])
        rotations = torch.stack([solid.rotations for solid in guess.solids])
    return scene, View.posed(scene, (centers, rotations), times, size)


def picture(guess: Guess, times: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Render a guess at the times (f,), seconds: (f h w 3) in [0, 1]."""
    return render_view(*scene_of(guess, times, size)).float() / 255.0


def outlines(guess: Guess, times: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Find what pixel centers show: 0 the stage, 1 + i the solid i; uint8 (f h w)."""
    return first_hits(*scene_of(guess, times, size)).masks.unflatten(1, size)
