"""What is trained: the recipe of a law, and the same recipe with one thing changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kinema.training.sources import DiscClips
from studies.records import chosen


@dataclass(frozen=True)
class Arm:
    """A training run."""

    question: str = ""  # that it answers beside the recipe, a key of `QUESTIONS`; "" for the recipe
    # what `kinema train` is told beyond the recipe, option -> value
    changes: dict[str, str | int] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """The changes as they are typed."""
        return [word for name, value in self.changes.items() for word in (f"--{name}", str(value))]

    @property
    def num_clips(self) -> int:
        """How many different clips there are to learn from."""
        return int(self.changes.get("data.num_clips", DiscClips().num_clips))


SIZE, DATA, ATTENTION = "model size", "data size", "attention"
NOISE, CODEC = "noise levels", "codec"
MISSING_MIDDLE = "missing middle"
QUESTIONS = {
    SIZE: "what does a larger network reach after as many clips?",
    DATA: "what do fewer different clips cost?",
    ATTENTION: "which frames must see which?",
    NOISE: "at which is mechanics learned?",
    CODEC: "what do latents cost, or save?",
    MISSING_MIDDLE: "do the slowest and the fastest teach what lies between?",
}

RECIPE, LATENTS = "the recipe", "in latents"
ARMS = {
    RECIPE: Arm(),
    "width 64": Arm(SIZE, {"denoiser.dim": 64}),
    "width 192": Arm(SIZE, {"denoiser.dim": 192}),
    "30 clips": Arm(DATA, {"data.num_clips": 30}),
    "300 clips": Arm(DATA, {"data.num_clips": 300}),
    "3000 clips": Arm(DATA, {"data.num_clips": 3_000}),
    "full attention": Arm(ATTENTION, {"denoiser.attention": "full"}),
    "causal attention": Arm(ATTENTION, {"denoiser.attention": "causal"}),
    "mean 2": Arm(NOISE, {"mean": 2}),
    "mean 4": Arm(NOISE, {"mean": 4}),
    "mean 8": Arm(NOISE, {"mean": 8}),
    LATENTS: Arm(CODEC, {"codec": "physics-codec", "denoiser.patch": "[1,1,1]"}),
    MISSING_MIDDLE: Arm(MISSING_MIDDLE, {"data.split": "edges"}),
}


def chosen_arms(names: Sequence[str]) -> list[str]:
    """Return the named arms, in the order of `ARMS`; see `chosen`."""
    return chosen(names, {name: (name,) for name in ARMS})
