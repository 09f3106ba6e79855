"""How bodies move on the table: closed-form phases joined at events, so that no step is simulated.

Along its lane a body rolls, slips or slides under Coulomb friction (constant acceleration until it
stops or its surface grips), and two bodies on one lane collide with restitution. In height it
falls freely and bounces with restitution. Both are exact at every time, whatever the frame rate.
"""

from dataclasses import dataclass, field

import numpy as np

GRAVITY = 9.8  # world units / s^2
HORIZON = 60.0  # seconds that are solved ahead; everything rests long before
GRIP = 1e-9
PARTING = 0.02  # least speed at which bodies part: one that keeps pushing taps, not endlessly often


@dataclass
class Phase:
    """From `start` on: position, its speed and acceleration, and the same of the rolled length."""

    start: float
    position: float
    speed: float
    acceleration: float
    rolled: float = 0.0
    surface_speed: float = 0.0
    surface_acceleration: float = 0.0

    def at(self, time: float) -> tuple[float, float, float, float]:
        """Position, speed, rolled length and its speed at a time."""
        s = time - self.start
        return (
            self.position + self.speed * s + 0.5 * self.acceleration * s * s,
            self.speed + self.acceleration * s,
            self.rolled + self.surface_speed * s + 0.5 * self.surface_acceleration * s * s,
            self.surface_speed + self.surface_acceleration * s,
        )


def evaluate(phases: list[Phase], times: np.ndarray) -> tuple[np.ndarray, ...]:
    """Compute position, speed, rolled length and its speed, each (f,), at times (f,)."""
    index = np.searchsorted([phase.start for phase in phases], times, side="right") - 1
    moments = [phases[i].at(time) for i, time in zip(index, times.tolist(), strict=True)]
    return tuple(np.array(moments).T)


@dataclass
class Lane:
    """A body on a straight line of the table.

    inertia is I / (m r^2) for a body that rolls (ball 2/5, cylinder 1/2) and 0 for one that
    slides; sliding and rolling are the decelerations mu g and c g in units / s^2.
    """

    position: float
    speed: float = 0.0
    mass: float = 1.0
    inertia: float = 0.0
    sliding: float = 2.0
    rolling: float = 0.2
    phases: list[Phase] = field(default_factory=list)

    def start(self) -> None:
        surface_speed = self.speed if self.inertia else 0.0
        self._begin(0.0, self.position, self.speed, 0.0, surface_speed)

    def _begin(
        self, time: float, position: float, speed: float, rolled: float, surface_speed: float
    ) -> None:
        slip = speed - surface_speed
        if self.inertia and abs(slip) > GRIP:  # friction brakes the slip and turns the body
            acceleration = -self.sliding * np.sign(slip)
            surface_acceleration = -acceleration / self.inertia
        elif self.inertia:
            acceleration = -self.rolling * np.sign(speed)
            surface_acceleration = acceleration
        else:
            acceleration, surface_acceleration = -self.sliding * np.sign(speed), 0.0
        phase = (position, speed, float(acceleration), rolled, surface_speed)
        self.phases.append(Phase(time, *phase, float(surface_acceleration)))

    def _phase_end(self) -> float:
        """When the present phase ends by itself: the slip grips, or the body rests."""
        phase = self.phases[-1]
        slip = phase.speed - phase.surface_speed
        if self.inertia and abs(slip) > GRIP:
            return phase.start + slip / (phase.surface_acceleration - phase.acceleration)
        if phase.acceleration == 0.0:
            return np.inf
        return phase.start - phase.speed / phase.acceleration

    def _turn_phase(self, time: float) -> None:
        position, speed, rolled, surface_speed = self.phases[-1].at(time)
        if self.inertia and abs(self.phases[-1].speed - self.phases[-1].surface_speed) > GRIP:
            self._begin(time, position, speed, rolled, speed)
        else:
            self._begin(time, position, 0.0, rolled, 0.0)

    def _strike(self, time: float, speed: float) -> None:
        position, _, rolled, surface_speed = self.phases[-1].at(time)
        self._begin(time, position, speed, rolled, surface_speed if self.inertia else 0.0)

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, speeds and rolled lengths at the times, each (f,)."""
        position, speed, rolled, _ = evaluate(self.phases, times)
        return position, speed, rolled


def meeting_time(behind: Phase, ahead: Phase, now: float, distance: float) -> float:
    """Find the first time after `now` at which the gap between two phases closes, or infinity."""
    x1, v1, _, _ = behind.at(now)
    x2, v2, _, _ = ahead.at(now)
    gap, closing = x2 - x1 - distance, v1 - v2
    pull = 0.5 * (behind.acceleration - ahead.acceleration)  # gap - closing s - pull s^2 = 0
    if abs(pull) < 1e-12:
        return now + gap / closing if closing > 1e-12 else np.inf
    disc = closing * closing + 4.0 * pull * gap
    if disc < 0.0:
        return np.inf
    roots = ((-closing + np.sqrt(disc)) / (2 * pull), (-closing - np.sqrt(disc)) / (2 * pull))
    later = [s for s in roots if s > 0.0 and closing + 2 * pull * s > 0.0]
    return now + min(later) if later else np.inf


def collide(
    mass1: float, speed1: float, mass2: float, speed2: float, restitution: float
) -> tuple[float, float]:
    """Compute speeds after a central impact: momentum is kept, approach times -restitution."""
    mean = (mass1 * speed1 + mass2 * speed2) / (mass1 + mass2)
    kick = restitution * (speed1 - speed2) / (mass1 + mass2)
    return mean - mass2 * kick, mean + mass1 * kick


def solve(lanes: list[Lane], distance: float = 0.0, restitution: float = 0.7) -> list[float]:
    """Fill the phases of one lane alone, or of two on one line; return the times of contact.

    Of two, the first given lies behind the second (smaller position); they touch when their
    centers are `distance` apart.
    """
    for lane in lanes:
        lane.start()
    contacts, now = [], 0.0
    while now < HORIZON:
        ends = [lane._phase_end() for lane in lanes]
        meet = np.inf
        if len(lanes) == 2:
            meet = meeting_time(lanes[0].phases[-1], lanes[1].phases[-1], now, distance)
        now = min(*ends, meet, HORIZON)
        if now >= HORIZON:
            break
        if meet <= now:
            speeds = [lane.phases[-1].at(now)[1] for lane in lanes]
            masses = [lane.mass for lane in lanes]
            least = PARTING / max(speeds[0] - speeds[1], 1e-12)
            elastic = max(restitution, least)
            after = collide(masses[0], speeds[0], masses[1], speeds[1], elastic)
            for lane, speed in zip(lanes, after, strict=True):
                lane._strike(now, speed)
            contacts.append(now)
            continue
        for lane, end in zip(lanes, ends, strict=True):
            if end <= now:
                lane._turn_phase(now)
    return contacts


@dataclass
class Height:
    """How high above its rest a body is: dropped from `drop` at time 0, bouncing until it rests."""

    drop: float = 0.0
    restitution: float = 0.0
    phases: list[Phase] = field(default_factory=list)
    bounces: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.drop <= 0.0:
            self.phases.append(Phase(0.0, 0.0, 0.0, 0.0))
            return
        self.phases.append(Phase(0.0, self.drop, 0.0, -GRAVITY))
        time = np.sqrt(2.0 * self.drop / GRAVITY)
        speed = self.restitution * GRAVITY * time
        self.bounces.append(time)
        while speed > 0.35:  # below this a bounce rises less than 6 mm on a meter: it rests
            self.phases.append(Phase(time, 0.0, speed, -GRAVITY))
            time += 2.0 * speed / GRAVITY
            self.bounces.append(time)
            speed *= self.restitution
        self.phases.append(Phase(time, 0.0, 0.0, 0.0))

    def at(self, times: np.ndarray) -> np.ndarray:
        return evaluate(self.phases, times)[0]
