"""What a run writes and prints while it runs: JSON lines, tensorboard, and one progress line."""

import json
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from kinema.storage.atomic import write_bytes


class MetricsLog:
    """Writes `metrics.jsonl` and tensorboard events into the run's folder, and a progress line.

    Args:
        folder: the run's folder.
        num_samples: length of the run, for the progress bar.
        samples: where the run resumes; lines written beyond it by an interrupted run are dropped.
        speaks: False in every process of a run but the leading one: nothing is written.
    """

    def __init__(self, folder: Path, num_samples: int, samples: int = 0, speaks: bool = True):
        self.folder, self.speaks = folder, speaks
        self.path = folder / "metrics.jsonl"
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
        self.forget_after(samples)
        self.events = SummaryWriter(str(folder / "tensorboard"), purge_step=samples + 1)

    def __enter__(self) -> "MetricsLog":
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
            self.forget_after(samples)

    def forget_after(self, samples: int) -> None:
        """Drop the lines beyond a position, and what an interrupted write has left unreadable."""
        if self.path.exists():
            lines = self.path.read_text("utf-8", errors="replace").splitlines(keepends=True)
            kept = [line for line in lines if 0 <= position_of(line) <= samples]
            write_bytes(self.path, "".join(kept).encode())


def position_of(line: str) -> int:
    """Clips seen when a line was written; -1 if the line is not whole."""
    try:
        return int(json.loads(line)["samples"]) if line.endswith("\n") else -1
    except (ValueError, KeyError, TypeError):
        return -1
