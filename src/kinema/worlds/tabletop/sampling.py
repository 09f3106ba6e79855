"""Drawing a scene from a seed: first the attributes, within the split, then their physics."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

import numpy as np

from kinema.worlds.tabletop import attributes as world
from kinema.worlds.tabletop import captions
from kinema.worlds.tabletop.attributes import (
    ActingObject,
    Attributes,
    Looks,
    Surroundings,
    is_held_out,
)
from kinema.worlds.tabletop.scene import Body, Camera, Scene, Stage
from kinema.worlds.tabletop.staging import SECONDS, place, send_into

SPLITS: tuple[str, ...] = ("train", "held_out", "all")
LEVELS = range(1, 5)
TABLE_REACH = 3.1  # no body rests further out than this
ACTION_WEIGHTS = {"rolls": 1.0, "slides": 1.0, "bounces": 0.9, "falls": 0.6, "spins": 0.6}
SHAPE_WEIGHTS = {"ball": 1.8, "cube": 1.2, "cylinder": 0.8, "cone": 1.0}
MOVES, IN_PLACE, DEPTHS = (
    ("rolls", "slides", "bounces"),
    ("bounces", "falls", "spins"),
    world.COMPASS[2:],
)
# What the subject (and with "while" the second object too) may do under each relation: one of
# these pairs of actions and directions
POSSIBLE: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "": ((tuple(world.ACTIONS), ("", *world.COMPASS)),),
    "behind": ((MOVES, world.SIDEWAYS),),
    "in front of": ((MOVES, world.SIDEWAYS),),
    "into": ((MOVES[:2], world.SIDEWAYS),),
    "next to": ((tuple(world.ACTIONS), ("", *DEPTHS)),),
    "while": ((MOVES, world.SIDEWAYS), (IN_PLACE, ("",))),
}
Rng = np.random.Generator
T = TypeVar("T")


def sample_scene(seed: int, level: int = 1, split: str = "train") -> Scene:
    """Draw the scene of a seed: the same for ever, at whatever length and size it is rendered.

    Args:
        seed: any integer >= 0.
        level: 1 one moving subject; 2 a second object; 3 a moving camera; 4 all, with textures.
        split: "train" (no held-out combination), "held_out" (only those), or "all".
    """
    assert level in LEVELS and split in SPLITS, (level, split)
    rng = np.random.default_rng([seed, level, SPLITS.index(split)])
    while True:
        attributes = draw_attributes(rng, level)
        if not is_in_split(attributes, split):
            continue
        camera = draw_camera(attributes, rng)
        bodies, contacts = stage_bodies(attributes, rng)
        apart = attributes.relation == "into" or stay_apart(bodies)
        if apart and all(stays_on_table(body) and is_in_view(body, camera) for body in bodies):
            break
    stage = light_stage(attributes.scene, rng)
    caption = captions.describe(attributes, rng)
    shown = (bodies, camera, stage)
    return Scene(*shown, seed, level, split, attributes, caption, contacts)


def pick(rng: Rng, options: Iterable[T], weights: Sequence[float] | None = None) -> T:
    listed = list(options)
    if weights is None:
        return listed[int(rng.integers(len(listed)))]
    return listed[int(rng.choice(len(listed), p=np.array(weights) / np.sum(weights)))]


def draw_looks(rng: Rng, shape: str, level: int) -> Looks:
    striped = level == 4 and rng.random() < 0.4
    return Looks(
        shape=shape,
        color=pick(rng, world.COLORS),
        material=pick(rng, world.MATERIALS),
        size=pick(rng, world.SIZES),
        pattern="striped" if striped else "plain",
    )


def draw_action(
    rng: Rng, actions: Sequence[str], directions: Collection[str]
) -> tuple[str, str, str, str]:
    """Draw shape, action, direction and speed; the relation may narrow the directions."""
    action = pick(rng, actions, [ACTION_WEIGHTS[a] for a in actions])
    shapes, possible = world.ACTIONS[action]
    possible = tuple(d for d in possible if d in directions)
    speed = pick(rng, world.SPEEDS, (0.3, 0.4, 0.3)) if action in world.HAS_SPEED else ""
    shape = pick(rng, shapes, [SHAPE_WEIGHTS[s] for s in shapes])
    return shape, action, pick(rng, possible), speed


def draw_attributes(rng: Rng, level: int) -> Attributes:
    relation = ""
    if level >= 2 and rng.random() < 0.85:
        relation = pick(rng, world.RELATIONS[1:])
    actions, directions = pick(rng, POSSIBLE[relation])
    shape, action, direction, speed = draw_action(rng, actions, directions)
    subject = draw_looks(rng, shape, level)
    camera = "still" if level < 3 else pick(rng, world.CAMERAS)
    scene = Surroundings(pick(rng, world.TABLES), "plain", pick(rng, world.BACKDROPS))
    if level == 4:
        scene.kind = pick(rng, ("plain", "checkered", "wooden"))
    attributes = Attributes(subject, action, direction, speed, camera, None, relation, scene, level)
    if relation:
        attributes.second = draw_second(rng, attributes, actions, directions)
    return attributes


def draw_second(
    rng: Rng, attributes: Attributes, actions: Sequence[str], directions: Collection[str]
) -> ActingObject:
    """Draw the second object; what goes behind it is made small."""
    relation, subject = attributes.relation, attributes.subject
    shape, action, direction, speed = pick(rng, world.SHAPES), "", "", ""
    if relation == "while":
        shape, action, direction, speed = draw_action(rng, actions, directions)
    if relation == "into" and (attributes.action == "rolls" or subject.shape == "cone"):
        # Round against slanted would be thrown upwards: not in this world.
        shape = pick(rng, [s for s in world.SHAPES if s not in ("cone", "ball")])
        if attributes.action == "rolls" and rng.random() < 0.4:
            shape = "ball"
    looks = draw_looks(rng, shape, attributes.level)
    while looks.color == subject.color:
        looks.color = pick(rng, world.COLORS)
    if relation == "behind":  # so that a good part of the subject is hidden on its way
        looks.size, subject.size = "large", "small"
    if relation == "in front of":
        looks.size = "large"
    if relation == "into" and subject.size == "small":  # so that the blow moves it
        looks.size = "small"
    return looks.acting(action, direction, speed)


def is_in_split(attributes: Attributes, split: str) -> bool:
    held_out = [is_held_out(combination) for combination in attributes.combinations]
    if split == "held_out":
        return held_out[0]
    return split == "all" or not any(held_out)


def stage_bodies(attributes: Attributes, rng: Rng) -> tuple[list[Body], list[float]]:
    """Place the bodies with their motions; return the times at which they touch, too."""
    action = (attributes.action, attributes.direction, attributes.speed)
    subject = place(attributes.subject, *action, rng)
    other, relation = attributes.second, attributes.relation
    if other is None:
        return [subject], []
    second = place(other, other.action, other.direction, other.speed, rng)
    if relation == "into":
        return [subject, second], send_into(subject, second, rng)
    gap = subject.reach + second.reach + rng.uniform(0.0, 0.1)
    if attributes.direction in world.SIDEWAYS:
        nearer = -1.0 if relation == "in front of" else 1.0
        if relation == "while":
            nearer = pick(rng, (-1.0, 1.0))
        gap += 0.5 * abs(np.sin(subject.heading)) + (0.5 if relation == "while" else 0.0)
        subject.origin[1], second.origin[1] = 0.5 * nearer * gap, 0.1 - 0.5 * nearer * gap
        if relation == "behind":
            start_in_sight(subject, second)
        elif relation == "while" and attributes.direction == other.direction:
            subject.origin[0], second.origin[0] = pick(rng, ((-0.7, 0.7), (0.7, -0.7)))
        return [subject, second], []
    side = pick(rng, (-1.0, 1.0))
    gap = max(gap, 1.6) + (0.5 if attributes.direction else 0.0)
    subject.origin[0], second.origin[0] = side * 0.5 * gap, -side * 0.5 * gap
    return [subject, second], []


def start_in_sight(subject: Body, second: Body) -> None:
    """Move both apart so that the subject is not hidden from the first frame on."""
    start = subject.poses(np.zeros(1))[0][0, 0] - subject.origin[0]
    missing = 0.9 * (subject.reach + second.reach) - abs(start)
    if missing > 0.0:
        subject.origin[0] += 0.5 * np.sign(start) * missing
        second.origin[0] = -0.5 * np.sign(start) * missing


def stay_apart(bodies: list[Body]) -> bool:
    """Tell whether the balls about all bodies never meet, seen from above."""
    plans = [body.poses(np.linspace(0.0, 8.0, 41))[0][:, :2] for body in bodies]
    return len(bodies) == 1 or bool(
        np.linalg.norm(plans[0] - plans[1], axis=1).min() > bodies[0].reach + bodies[1].reach - 0.1
    )


def stays_on_table(body: Body) -> bool:
    x, y, _ = body.poses(np.linspace(0.0, 8.0, 17))[0].T
    return bool(np.abs(x).max() < TABLE_REACH and y.max() < TABLE_REACH and y.min() > -3.2)


def is_in_view(body: Body, camera: Camera) -> bool:
    """Tell whether the first two seconds of a square picture show the body from side to side.

    Its center may leave the picture a little, and for a fifth of the time only.
    """
    times = np.linspace(0.0, SECONDS, 11)
    origin, rotation, focal = camera.at(times)
    local = np.einsum("fji,fj->fi", rotation, body.poses(times)[0] - origin)
    place = np.abs(focal * local[:, 0] / local[:, 2])  # 1 at the edge of the picture
    return bool(place.max() < 1.15 and (place < 0.92).mean() >= 0.8)


def draw_camera(attributes: Attributes, rng: Rng) -> Camera:
    move = attributes.camera
    amount = 0.0
    if move.startswith("pans"):
        amount = rng.uniform(0.24, 0.3)
    elif move.startswith("circles"):
        amount = rng.uniform(0.75, 0.95)
    elif move.startswith("zooms"):
        amount = rng.uniform(1.5, 1.7)
    pitch = rng.uniform(0.36, 0.46) if not attributes.second else rng.uniform(0.34, 0.40)
    return Camera(move, float(amount), float(pitch), float(rng.uniform(7.3, 7.8)))


def light_stage(scene: Surroundings, rng: Rng) -> Stage:
    light = np.array([-0.55 + rng.uniform(-0.12, 0.12), -0.6 + rng.uniform(-0.12, 0.12), 1.0])
    return Stage(**vars(scene), light=light / np.linalg.norm(light))
