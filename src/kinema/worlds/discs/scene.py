"""Discs under the laws of elementary mechanics, in closed form: where they are at any time.

World x in [0, 10] is pixel 0 to width - 1, y points up. Units are those of Kang et al. 2024
(arXiv:2411.02385): a box of 10 x 10 units, time in seconds, masses as areas.
"""

from dataclasses import dataclass

import numpy as np

from kinema.worlds.discs.drawing import EXTENT

GRAVITY = 2.5
LAWS = {"uniform": 1, "parabola": 2, "collision": 3, "box": 5, "curtain": 6}  # and their levels
MIXED = 4  # the level of any of Kang et al.'s three laws
BOXES = ("box", "curtain")  # the laws of a disc that walls throw back, for ever
COLORS = {"red": (214, 39, 40), "blue": (31, 90, 200)}
PALETTE = {  # of the law "curtain"; as inks on white any two are 26 degrees apart or more
    **COLORS,
    "green": (60, 180, 40),
    "yellow": (245, 200, 0),
    "purple": (190, 60, 200),
    "cyan": (0, 205, 230),
}


@dataclass
class DiscScene:
    """Discs that start at positions with velocities and obey one law; units and seconds."""

    law: str
    radii: np.ndarray  # (k,)
    positions: np.ndarray  # (k 2) at time 0
    velocities: np.ndarray  # (k 2) at time 0
    color: str = "red"  # of the first disc; a second one is blue
    curtain: tuple[float, float] | None = None  # from x to x, before the disc, gray and opaque

    @property
    def inks(self) -> np.ndarray:
        """Colors of the discs less white, (k 3)."""
        both = (PALETTE[self.color], COLORS["blue"])
        return np.array(both[: len(self.radii)], dtype=float) - 255.0

    @property
    def contact(self) -> float:
        """The time at which the two discs of a collision touch; infinity otherwise."""
        if self.law != "collision":
            return np.inf
        gap = self.positions[1, 0] - self.positions[0, 0] - self.radii.sum()
        closing = self.velocities[0, 0] - self.velocities[1, 0]
        return float(gap / closing) if closing > 0.0 else np.inf

    def velocities_after(self) -> np.ndarray:
        """Compute velocities (2 2) after the elastic impact, which keeps momentum and energy."""
        m1, m2 = self.radii**2
        mean = (m1 * self.velocities[0] + m2 * self.velocities[1]) / (m1 + m2)
        return 2.0 * mean - self.velocities

    def motion(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute centers and velocities, each (k f 2), at times (f,)."""
        t = np.asarray(times, dtype=float)[None, :, None]
        start, speed = self.positions[:, None], self.velocities[:, None]
        if self.law == "parabola":
            fall = np.array([0.0, -GRAVITY])
            return start + speed * t + 0.5 * fall * t * t, speed + fall * t
        if self.law in BOXES:
            centers, sign = folded(start + speed * t, self.radii[:, None, None])
            return centers, sign * speed
        if self.contact == np.inf:
            return start + speed * t, speed + 0.0 * t
        before, after = np.minimum(t, self.contact), np.maximum(t - self.contact, 0.0)
        later = self.velocities_after()[:, None]
        return start + speed * before + later * after, np.where(t < self.contact, speed, later)

    def bounces(self, seconds: float) -> list[dict]:
        """List the walls that the disc of a box touches up to a time, in order.

        Returns:
            {"kind": "bounce", "time": in seconds, "objects": [0], "wall": its name} each.
        """
        if self.law not in BOXES:
            return []
        room = EXTENT - 2.0 * self.radii[0]
        found = []
        for axis, (low, high) in enumerate((("left", "right"), ("bottom", "top"))):
            start = (self.positions[0, axis] - self.radii[0]) / room
            pace = self.velocities[0, axis] / room  # rooms a second
            first, last = sorted((start, start + pace * seconds))
            for wall in range(int(np.floor(first)) + 1, int(np.ceil(last))):
                time, name = float((wall - start) / pace), high if wall % 2 else low
                found.append({"kind": "bounce", "time": time, "objects": [0], "wall": name})
        return sorted(found, key=lambda event: event["time"])

    def visible(self, centers: np.ndarray) -> np.ndarray:
        """Compute the exact share (k f) of discs at centers (k f 2) that no curtain hides."""
        if self.curtain is None:
            return np.ones(centers.shape[:-1])
        edges = np.array(self.curtain)[:, None, None]
        s = np.clip((edges - centers[..., 0]) / self.radii[:, None], -1.0, 1.0)
        left, right = 0.5 + (s * np.sqrt(1.0 - s * s) + np.arcsin(s)) / np.pi  # shares left of it
        return 1.0 - (right - left)

    def hidings(self, seconds: float) -> list[dict]:
        """List when the curtain has hidden the whole disc, and when some of it is seen again.

        Returns:
            {"kind": "hidden" or "seen", "time": in seconds, "objects": [0]} each.
        """
        if self.curtain is None:
            return []
        radius, x = self.radii[0], self.positions[0, 0]
        room = EXTENT - 2.0 * radius
        start, pace = (x - radius) / room, self.velocities[0, 0] / room
        low, high = self.curtain[0] + radius, self.curtain[1] - radius  # centers out of sight
        edges = [edge for edge in (low, high) if radius < edge < EXTENT - radius]
        rounds = np.arange(-2, 3 + abs(pace) * seconds // 2) * 2.0 * np.sign(pace)
        phases = [rounds + sign * (edge - radius) / room for edge in edges for sign in (1, -1)]
        times = np.sort((np.concatenate(phases) - start) / pace)
        times = times[(times > 0.0) & (times <= seconds)]
        kinds = ("seen", "hidden") if low <= x <= high else ("hidden", "seen")
        return [
            {"kind": kinds[number % 2], "time": float(time), "objects": [0]}
            for number, time in enumerate(times)
        ]


def folded(positions: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fold straight motion at the walls of the box: a triangle wave in time.

    `positions` are where centers would be without walls, units, any shape; radii broadcast against
    them, and centers stay so far from every wall.

    Returns:
        positions in the box, and the sign (1 or -1) that the walls have given to the velocities.
    """
    room = EXTENT - 2.0 * radii
    phase = (positions - radii) / room % 2.0  # 0 at the low wall, 1 at the high one, then back
    inside = np.minimum(radii + room * (1.0 - np.abs(1.0 - phase)), EXTENT - radii)
    return inside, np.where(phase < 1.0, 1.0, -1.0)
