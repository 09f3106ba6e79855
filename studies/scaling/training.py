"""Training an arm, by the command that anybody would type, and what its run says of itself."""

import json
import subprocess
import sys
from pathlib import Path

from kinema.errors import UserError

NUM_VALIDATIONS = 8


def train(law: str, num_samples: int, place: Path, words: list[str]) -> Path:
    """Train the recipe of a law on it, or go on where an interrupted run stopped.

    It is a process of its own: recipes are the neighbors of probes, and the memory of one arm is
    given back before the next.

    Args:
        law: of the recipe.
        num_samples: clips to see.
        place: the folder of the run.
        words: further options of `kinema train`.

    Returns:
        the folder of the trained system.

    Raises:
        UserError: if the training ended before its end.
    """
    if not is_finished(place):
        command = [
            *(sys.executable, "-m", "kinema.cli", "train", f"physics-{law}"),
            *("--folder", str(place)),
            *("--data.law", law),
            *("--loop.num_samples", str(num_samples)),
            *("--loop.validate_every", str(max(1, num_samples // NUM_VALIDATIONS))),
            *words,
        ]
        status = subprocess.run(command, check=False).returncode
        if status:
            raise UserError(
                f"The training in {place} ended with status {status}, its reason is printed above; "
                f"started again, it goes on from its last checkpoint."
            )
    return place / "final"


def is_finished(place: Path) -> bool:
    """Return whether a run has written its trained system: its last line says so."""
    return any("held_out_loss_final" in line for line in journal(place))


def learning_curve(place: Path) -> tuple[list[int], list[float]]:
    """Return clips seen, and the velocity error on unseen clips, at each validation."""
    lines = [line for line in journal(place) if "held_out_velocity_error" in line]
    samples = [int(line["samples"]) for line in lines]
    return samples, [line["held_out_velocity_error"] for line in lines]


def clips_per_second(place: Path) -> float:
    """Return the rate of the training alone, without validations; 0 if it is not known."""
    rates = [line["clips_per_second"] for line in journal(place) if "clips_per_second" in line]
    return len(rates) / sum(1 / rate for rate in rates) if rates else 0.0


def journal(place: Path) -> list[dict[str, float]]:
    """Return the lines of a run's `metrics.jsonl`; none if there is no run."""
    path = place / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
