"""What a run says while it runs: JSON lines, tensorboard, and one progress line."""

import json
import math
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from kinema.storage import write_text


class Journal:
    """Writes `metrics.jsonl` and tensorboard events into the run's folder, and a progress line.

    Args:
        folder: the run's folder.
        num_samples: length of the run, for the progress bar.
        samples: where the run resumes; lines written beyond it by an interrupted run are dropped.
        speaks: False in all processes of a run but the one that leads: nothing is written.
    """

    def __init__(self, folder: Path, num_samples: int, samples: int = 0, speaks: bool = True):
        self.path, self.speaks = folder / "metrics.jsonl", speaks
        self.console = Console(stderr=True, quiet=not speaks)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,}/{task.total:,} clips"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not (self.console.is_terminal and speaks),
        )
        self.task = self.progress.add_task("training", total=num_samples, completed=samples)
        if not speaks:
            return
        self._forget_after(samples)
        self.events = SummaryWriter(str(folder / "tensorboard"), purge_step=samples + 1)

    def __enter__(self) -> "Journal":
        self.progress.start()
        return self

    def __exit__(self, *_) -> None:
        self.progress.stop()
        if self.speaks:
            self.events.close()

    def log(self, values: dict[str, float], samples: int) -> None:
        """Write named numbers at a position of the run."""
        with open(self.path, "a") as file:
            file.write(json.dumps({"samples": samples, **values}) + "\n")
        for name, value in values.items():
            self.events.add_scalar(name, value, samples)

    def show(self, samples: int, loss: float, rate: float, mfu: float) -> None:
        """Move the progress line; without a terminal, print it. An MFU of 0 was not counted."""
        line = f"loss {loss:.4f}  {rate:.1f} clips/s" + (f"  MFU {mfu:.0%}" if mfu else "")
        self.progress.update(self.task, completed=samples, description=line)
        if not self.console.is_terminal:
            self.say(f"{samples:,} clips  {line}")

    def say(self, text: str) -> None:
        """One line to the person who watches."""
        self.console.print(text, highlight=False)

    def back_to(self, samples: int) -> None:
        """Forget what was written beyond a position to which the run returns."""
        self.say(f"back to the checkpoint at {samples:,} clips")
        self.progress.update(self.task, completed=samples)
        if self.speaks:
            self._forget_after(samples)

    def _forget_after(self, samples: int) -> None:
        if self.path.exists():
            lines = self.path.read_text("utf-8", "replace").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and position(line) <= samples]
            write_text(self.path, "".join(kept))


def position(line: str) -> float:
    """Return the clips seen at a line; infinity for a line that a crash damaged."""
    try:
        return float(json.loads(line)["samples"])
    except (ValueError, TypeError, KeyError):
        return math.inf
