"""Long videos by models and strategies, made once and kept for the next run."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import kinema
from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.video import System, generate_long, strategy_named
from kinema.video.system import digest

LONG = ("sliding", "crossfade", "rolling", "autoregressive", "keyframes", "blend")
"""The strategies that are compared unless others are named."""

Make = Callable[..., Any]  # generate_long


@dataclass(frozen=True)
class Maker:
    """Make the videos of one model and strategy, unless they are there from an earlier run."""

    pipe: Any  # the model
    name: str  # tells its files from those of other models
    strategy: str  # a name, as `kinema generate --long` takes it
    make: Make  # what makes a video
    folder: str  # receives the videos
    num_steps: int | None  # sampling steps; the system's own unless given

    def video(self, label: str, caption: str, opening: np.ndarray, more: int, seed: int) -> Path:
        """Return the file in which `more` frames follow the opening, uint8 (f h w 3)."""
        system, strategy = self.pipe.system, strategy_named(self.strategy, self.pipe)
        target = Path(self.folder) / f"{self.name}-{self.strategy}-{label}.mkv"
        prompt = caption if system.takes_prompts else ""
        num_steps = system.num_steps if self.num_steps is None else self.num_steps
        options = {"num_frames": more, "num_steps": num_steps}
        if target.exists():
            asked = {"strategy": repr(strategy), "story": [[0, prompt]], "first_seed": seed}
            check_made(target, len(opening) + more, {**asked, **options})
        else:
            self.make(
                self.pipe, prompt, strategy, target, seed=seed,
                continue_from=Clip(opening, system.fps), progress=False, **options,
            )  # fmt: skip
        return target


def check_made(path: Path, num_frames: int, settings: dict[str, Any]) -> None:
    """Raise a UserError unless a video has so many frames and was made with these settings."""
    advice = "delete it, or choose another --folder."
    held = clips.inspect(path).num_frames
    if held != num_frames:
        raise UserError(f"{path} has {held} frames, not {num_frames}: {advice}")
    told = clips.read_metadata(path).get("settings", {})
    for name, value in settings.items():
        if told.get(name) != value:
            raise UserError(f"{path} was made with {name} {told.get(name)}, not {value}: {advice}")


def check_alike(systems: dict[str, System]) -> None:
    """Raise a UserError unless all make clips of one size and rate: they are given the same."""
    kinds = {name: f"{s.size[0]}x{s.size[1]} at {s.fps:g} fps" for name, s in systems.items()}
    if len(set(kinds.values())) > 1:
        told = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        raise UserError(
            f"The models make clips of different sizes or rates, {told}: measure one at a time."
        )


def file_name(model: str, pipe: Any) -> str:
    """Return the end of a model's name and a digest of its weights and defaults."""
    parts = Path(model).parts
    name = "-".join(parts[-2:] if parts[-1] == "final" else parts[-1:])  # final/ of which run
    system = torch.tensor(list(repr(pipe.system).encode()), dtype=torch.uint8)
    return f"{name}-{digest([system, *pipe.state_dict().values()])[:8]}"


def makers(
    models: Sequence[str],
    strategies: Sequence[str],
    num_steps: int | None = None,
    folder: str = "drift",
    load: Callable[[str], Any] | None = None,
    make: Make = generate_long,
) -> dict[str, Maker]:
    """Load the models, by `kinema.load` unless told; returns column -> what makes its videos.

    Raises:
        UserError: without strategies, or if the models make clips of different sizes or rates.
    """
    if not strategies:
        raise UserError("There is no strategy: name one or more, such as --strategies [sliding].")
    pipes = {name: (load or kinema.load)(name) for name in models}
    check_alike({name: pipe.system for name, pipe in pipes.items()})
    files = {name: file_name(name, pipe) for name, pipe in pipes.items()}
    return {
        f"{name}, {strategy}": Maker(pipes[name], files[name], strategy, make, folder, num_steps)
        for name, strategy in itertools.product(models, strategies)
    }
