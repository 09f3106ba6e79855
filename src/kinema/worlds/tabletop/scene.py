"""A scene: bodies with exact motions, a moving camera, a lit table, and the words for all of it.

World axes: x right, y away from the camera at rest, z up; the table is the plane z = 0.
Camera axes: x right, y down, z forward (the OpenCV convention). Everything is a function of time in
seconds and knows neither frame rate nor picture size.
"""

from dataclasses import dataclass, field

import numpy as np

from kinema.worlds.tabletop.attributes import Attributes, Looks, Surroundings
from kinema.worlds.tabletop.motion import Height, Lane

CAMERA_SECONDS = 2.1  # how long a camera move takes; then the camera holds still
TARGET = np.array([0.0, 0.15, 0.5])


def rotation_z(angle: np.ndarray) -> np.ndarray:
    """Compute rotations (f 3 3) about the vertical by angles (f,)."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, -s, o, s, c, o, o, o, i], axis=-1).reshape(-1, 3, 3)


def rotation_about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Compute rotations (f 3 3) about one unit axis (3,) by angles (f,), by Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + s * cross + (1.0 - c) * (cross @ cross)


@dataclass
class Body(Looks):
    """One object: its looks, its solid, and its motion along a lane, in height and in turn."""

    half: tuple[float, float, float]  # half extents in its own frame
    lane: Lane
    height: Height
    turn: Lane  # angle about the vertical, in radians
    origin: np.ndarray  # (2,) where the lane's zero lies on the table
    heading: float  # angle of the lane, 0 = right, pi / 2 = away
    lying: bool = False  # a cylinder on its side, its axis across the lane

    @property
    def rest_height(self) -> float:
        """Height of the center while the body rests on the table."""
        return self.half[0] if self.lying else self.half[2]

    @property
    def reach(self) -> float:
        """Radius of the ball about the center that holds the whole body."""
        if self.shape == "ball":
            return self.half[0]
        across = self.half[0] * (2**0.5 if self.shape == "cube" else 1.0)
        return float(np.hypot(across, self.half[2]))

    def poses(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centers (f 3) and rotations body -> world (f 3 3)."""
        position, _, rolled = self.lane.at(times)
        along = np.array([np.cos(self.heading), np.sin(self.heading)])
        height = self.rest_height + self.height.at(times)
        center = np.column_stack([self.origin + position[:, None] * along, height])
        across = np.array([-along[1], along[0], 0.0])  # rolling turns about z x heading
        rotation = rotation_about(across, rolled / self.half[0])
        if self.lying:  # body z along the roll axis
            up = np.array([0.0, 0.0, 1.0])
            rotation = rotation @ np.column_stack([np.cross(up, across), up, across])
        return center, rotation_z(self.turn.at(times)[0]) @ rotation


@dataclass
class Camera:
    """A camera that looks at the table from the front and makes one move about that view."""

    move: str  # one of attributes.CAMERAS
    amount: float  # pan and circle: radians; zoom: the ratio of focal lengths
    pitch: float
    distance: float
    focal: float = 3.3  # focal length over half the shorter image side

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Origins (f 3), rotations camera -> world (f 3 3), focal lengths (f,)."""
        s = np.clip(times / CAMERA_SECONDS, 0.0, 1.0) - 0.5  # from -1/2 to 1/2
        sign = -1.0 if self.move.endswith("left") or self.move.endswith("out") else 1.0
        circle = sign * self.amount * s if self.move.startswith("circles") else 0.0 * s
        pan = -sign * self.amount * s if self.move.startswith("pans") else 0.0 * s
        zoom = np.exp(sign * np.log(self.amount) * s) if "zooms" in self.move else 1.0 + 0.0 * s
        c, p = np.cos(self.pitch), np.sin(self.pitch)
        frame = np.array([[1.0, 0.0, 0.0], [0.0, -p, c], [0.0, -c, -p]])  # right, down, forward
        orbit = rotation_z(circle)
        origin = TARGET + orbit @ np.array([0.0, -c * self.distance, p * self.distance])
        return origin, rotation_z(circle + pan) @ frame, self.focal * zoom


@dataclass
class Stage(Surroundings):
    """What surrounds the bodies."""

    light: np.ndarray  # (3,) unit vector towards the key light
    half_width: float = 4.3
    far_edge: float = 3.9


@dataclass
class Arrangement:
    """What a renderer must know: bodies, camera and stage."""

    bodies: list[Body]
    camera: Camera
    stage: Stage

    def poses(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centers (k f 3) and rotations (k f 3 3) of the k bodies at the times (f,)."""
        centers, rotations = zip(*(body.poses(times) for body in self.bodies), strict=True)
        return np.stack(centers), np.stack(rotations)


@dataclass
class Scene(Arrangement):
    """Everything that a clip shows; its attributes are the true answers to a judge's questions."""

    seed: int
    level: int
    split: str
    attributes: Attributes
    caption: str
    contacts: list[float] = field(default_factory=list)  # seconds at which the bodies touch
