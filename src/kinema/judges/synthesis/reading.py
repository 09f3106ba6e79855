"""What an explained clip shows, in the answers that the judge of the tabletop gives.

The judge is a network that was trained to answer; here the answers follow from the solids that
were fitted and from their paths, so that "it is a cube" means that a cube explains the picture.
"""

import numpy as np

from kinema.judges.synthesis.explanation import Explanation
from kinema.judges.synthesis.solids import HEIGHT, TURN, Solid, X, Y
from kinema.judges.tabletop.questions import NONE
from kinema.worlds.tabletop.attributes import COLORS

GONE_FAR = 0.45  # world units that a thing that moves goes in a clip
FLIES = 0.35  # world units above the table
BOUNCES_BACK = 0.3  # share of its greatest height that what bounces reaches again
SPINS = 0.7  # radians that a thing that spins turns in a clip
TOUCHES = 0.2  # world units between two surfaces that count as contact
STARTS = 0.08  # world units from its first place at which a thing has begun to move


def answers(explanation: Explanation) -> dict[str, str]:
    """Answer the judge's questions about looks, deeds and camera; "none" where nothing is there."""
    solids = explanation.guess.solids
    deeds = [deed(solid) for solid in solids]
    if len(solids) == 2:
        deeds = [
            (NONE, NONE) if is_pushed(solids[i], solids[1 - i], deeds[1 - i]) else deeds[i]
            for i in (0, 1)
        ]
    names = list(COLORS)
    order = sorted(
        range(len(solids)), key=lambda i: (deeds[i][0] == NONE, names.index(solids[i].color))
    )
    found = {"camera": explanation.guess.stage.camera.move}
    for prefix, place in (("", 0), ("second_", 1)):
        there = place < len(order)
        solid, does = (solids[order[place]], deeds[order[place]]) if there else (None, (NONE, NONE))
        found[f"{prefix}color"] = solid.color if solid else NONE
        found[f"{prefix}shape"] = solid.shape if solid else NONE
        found[f"{prefix}action"], found[f"{prefix}direction"] = does
    return found


def deed(solid: Solid) -> tuple[str, str]:
    """What a solid does, and where to: words of the world, "none" if nothing."""
    poses = solid.poses.numpy()
    travel = poses[-1, [X, Y]] - poses[0, [X, Y]]
    direction = NONE
    if np.abs(travel).max() > GONE_FAR:
        across = abs(travel[0]) > abs(travel[1])
        words = ("left", "right") if across else ("towards", "away")
        direction = words[int(travel[0 if across else 1] > 0)]
    height = poses[:, HEIGHT]
    if height.max() > FLIES:
        rises = np.append(np.diff(height) >= 0, True)
        landed = int(np.argmax(rises & (height < 0.5 * height.max())))
        if height[landed:].max() > BOUNCES_BACK * height.max():
            return "bounces", direction if direction in ("left", "right") else NONE
        return "falls", NONE
    if direction != NONE:
        rolls = solid.shape == "ball" or solid.lying
        return ("rolls" if rolls else "slides"), direction
    return ("spins" if turned_by(solid) > SPINS else NONE), NONE


def turned_by(solid: Solid) -> float:
    """By how many radians its sides turn in the clip."""
    if not solid.is_turned:
        return 0.0
    turn = np.unwrap(solid.poses[:, TURN].numpy(), period=solid.period)
    return float(abs(turn[-1] - turn[0]))


def gaps(one: Solid, other: Solid) -> np.ndarray:
    """World units (f,) between two solids, as if both were round."""
    apart = (one.centers - other.centers).norm(dim=1).numpy()
    return np.asarray(apart - one.body.half[0] - other.body.half[0])


def is_pushed(solid: Solid, other: Solid, does: tuple[str, str]) -> bool:
    """Tell whether a solid rests until another, which moves, has reached it."""
    if does[0] not in ("rolls", "slides"):
        return False
    gap = gaps(solid, other)
    moved = (solid.poses[:, [X, Y]] - solid.poses[0, [X, Y]]).norm(dim=1).numpy() > STARTS
    if not moved.any() or gap.min() > TOUCHES:
        return False
    began = int(moved.argmax())
    return bool(gap[max(began - 3, 0) : began + 2].min() < TOUCHES and began > 3)
