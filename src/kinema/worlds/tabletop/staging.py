"""From attributes to physics: where bodies start and how fast, so that the action is seen.

A clip of about two seconds is the measure: a sideways action crosses the middle of the view in it.
All bodies come to rest on the table, so that a clip may have any length.
"""

import numpy as np

from kinema.worlds.tabletop.attributes import SIZES, Looks
from kinema.worlds.tabletop.motion import Height, Lane, Phase, solve
from kinema.worlds.tabletop.scene import Body

SECONDS = 2.0
HEADINGS = {"right": 0.0, "away": np.pi / 2, "left": np.pi, "towards": -np.pi / 2}
INERTIA = {"ball": 2.0 / 5.0, "cylinder": 1.0 / 2.0}
DENSITY = {"rubber": 1.0, "metal": 2.0}
# action, speed -> range of the starting speed and the distance to rest, in units and seconds
PACE = {
    ("rolls", "slowly"): ((0.60, 0.75), 1.9),
    ("rolls", ""): ((1.15, 1.35), 3.1),
    ("rolls", "quickly"): ((2.3, 2.6), 4.6),
    ("slides", "slowly"): ((0.85, 1.0), 1.1),
    ("slides", ""): ((1.9, 2.2), 2.2),
    ("slides", "quickly"): ((4.2, 4.8), 3.4),
}
TURN_RATE = {"slowly": (1.0, 1.3), "": (2.6, 3.2), "quickly": (5.6, 6.6)}  # radians / s


def half_extents(shape: str, size: str) -> tuple[float, float, float]:
    """Look up half extents (x, y, z) of a solid in its own frame, in world units."""
    r = SIZES[size]
    return {
        "ball": (r, r, r),
        "cube": (0.82 * r, 0.82 * r, 0.82 * r),
        "cylinder": (0.76 * r, 0.76 * r, 0.92 * r),
        "cone": (0.95 * r, 0.95 * r, 1.05 * r),
    }[shape]


def mass(shape: str, material: str, half: tuple[float, float, float]) -> float:
    """Multiply volume by density."""
    a, _, h = half
    volume = {
        "ball": 4.0 / 3.0 * np.pi * a**3,
        "cube": 8.0 * a**3,
        "cylinder": 2.0 * np.pi * a * a * h,
        "cone": 2.0 / 3.0 * np.pi * a * a * h,
    }[shape]
    return float(volume * DENSITY[material])


def place(looks: Looks, action: str, direction: str, speed: str, rng: np.random.Generator) -> Body:
    """Place a body that acts through the middle of the table; the caller may move it."""
    shape, half = looks.shape, half_extents(looks.shape, looks.size)
    lying = shape == "cylinder" and action in ("rolls", "spins")
    tilt = rng.choice([-1.0, 1.0]) * (rng.uniform(0.22, 0.4) if lying else rng.uniform(0.0, 0.12))
    heading = HEADINGS.get(direction, 0.0) + (tilt if direction or lying else 0.0)
    turned = 0.0 if shape == "ball" or action == "rolls" else rng.uniform(0.35, 1.22)
    turn = Lane(turned, sliding=0.0)  # two sides of a cube face the camera
    height, lane = Height(), Lane(0.0, mass=mass(shape, looks.material, half))
    if action in ("rolls", "slides"):
        set_pace(lane, shape, action, direction, speed, rng)
    elif action == "bounces":
        height = Height(rng.uniform(1.15, 1.6), rng.uniform(0.78, 0.86))
    elif action == "falls":
        height = Height(rng.uniform(1.9, 2.3), rng.uniform(0.12, 0.3))
    elif action == "spins":
        low, high = TURN_RATE[speed]
        rate = rng.choice([-1.0, 1.0]) * rng.uniform(low, high)
        turn = Lane(turn.position, rate, sliding=abs(rate) / rng.uniform(5.0, 8.0))
    solve([turn])
    if action == "bounces" and direction:
        fly(lane, height, shape, rng.uniform(1.15, 1.5))
    else:
        solve([lane])
    return Body(
        shape, looks.color, looks.material, looks.size, looks.pattern,
        half=half, lane=lane, height=height, turn=turn,
        origin=start_of(direction, rng), heading=float(heading), lying=lying,
    )  # fmt: skip


def set_pace(
    lane: Lane, shape: str, action: str, direction: str, speed: str, rng: np.random.Generator
) -> None:
    (low, high), distance = PACE[action, speed]
    stretch = 1.2 if direction in ("towards", "away") else 1.0  # foreshortened: goes further
    lane.speed = rng.uniform(low, high) * stretch
    lane.inertia = INERTIA[shape] if action == "rolls" else 0.0
    slow_down = lane.speed**2 / (2.0 * distance * min(stretch, 1.05))
    lane.sliding, lane.rolling = (2.5, slow_down) if lane.inertia else (slow_down, 0.0)
    seconds = min(SECONDS, lane.speed / slow_down)
    travel = lane.speed * seconds - 0.5 * slow_down * seconds**2
    lane.position = -0.5 * travel + rng.uniform(-0.2, 0.2)


def fly(lane: Lane, height: Height, shape: str, speed: float) -> None:
    """Set sideways flight between bounces: a ball grips at the first, a flat body is braked.

    Gripping turns 2/7 of the ball's speed into spin: then it rolls through every later bounce.
    """
    position, rolled, surface, time = -0.45 * speed * SECONDS, 0.0, 0.0, 0.0
    for bounce in [*height.bounces, None]:
        lane.phases.append(Phase(time, position, speed, 0.0, rolled, surface))
        if bounce is None:
            break
        position, _, rolled, _ = lane.phases[-1].at(bounce)
        if shape == "ball":
            speed = surface = 5.0 / 7.0 * speed if surface == 0.0 else speed
        else:
            speed *= 0.88
        time = bounce
    last = lane.phases[-1]
    brake = 0.6 if shape == "ball" else 1.5
    last.acceleration = -brake
    last.surface_acceleration = -brake if shape == "ball" else 0.0
    stop = last.start + last.speed / brake
    position, _, rolled, _ = last.at(stop)
    lane.phases.append(Phase(stop, position, 0.0, 0.0, rolled, 0.0))


def start_of(direction: str, rng: np.random.Generator) -> np.ndarray:
    x, y = rng.uniform(-0.25, 0.25), rng.uniform(-0.35, 0.35)
    if direction in ("left", "right"):
        return np.array([0.0, y])
    if direction:
        return np.array([1.8 * x, 0.2])
    return np.array([1.8 * x, y])


def contact_distance(first: Body, second: Body) -> float:
    """Compute how far apart two centers on one lane are when the standing bodies touch."""
    sizes = [(b.shape == "ball" or b.lying, b.half[0]) for b in (first, second)]
    (round1, r1), (round2, r2) = sizes
    if round1 and round2:
        return 2.0 * float(np.sqrt(r1 * r2))  # two circles on one line
    return r1 + r2


def send_into(subject: Body, second: Body, rng: np.random.Generator) -> list[float]:
    """Put the second body in the subject's way and solve the collision; return contact times."""
    tilt = rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 0.42)
    base = 0.0 if np.cos(subject.heading) > 0 else np.pi
    subject.heading = second.heading = base + tilt
    for body in (subject, second):
        body.turn = Lane(body.heading if not (body.lying or body.shape == "ball") else 0.0)
        solve([body.turn])
        body.lane.phases.clear()
    second.origin = subject.origin
    lane = subject.lane
    brake = lane.rolling if lane.inertia else lane.sliding
    approach = rng.uniform(0.75, 1.0) if lane.speed < 2.0 else rng.uniform(0.5, 0.65)
    run_up = lane.speed * approach - 0.5 * brake * approach**2
    distance = contact_distance(subject, second)
    lane.position = -0.5 * (run_up + distance) - 0.15 * lane.speed + rng.uniform(-0.1, 0.1)
    second.lane.position = lane.position + run_up + distance
    second.lane.speed = 0.0
    if second.shape == "ball":
        second.lane.inertia, second.lane.sliding = INERTIA["ball"], 2.5
        second.lane.rolling = max(0.1, lane.speed**2 / 5.0)
    else:
        second.lane.sliding = max(0.15, lane.speed**2 / 3.0)
    return solve([lane, second.lane], distance, restitution=rng.uniform(0.6, 0.85))
