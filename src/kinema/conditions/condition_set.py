"""Everything that steers a sample, in one object that travels beside `x` and `t`.

`Conditions` knows nothing of what its conditions mean: it takes rows, moves, drops, weakens and
stacks all of them alike, by name. A new control is a new name.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from kinema.conditions.doors import Grid, Tokens, Vector
from kinema.errors import UserError, nearest

AnyCondition = Grid | Tokens | Vector


class Conditions:
    """What steers a batch of samples.

    Args:
        text: the encoded prompts, one row a sample.
        **others: the other conditions by name; one that is None is absent, as if not named.
    """

    def __init__(self, text: Tokens | None = None, **others: AnyCondition | None):
        named = {"text": text, **others}
        self.named: dict[str, AnyCondition] = {n: c for n, c in named.items() if c is not None}

    @property
    def names(self) -> list[str]:
        """The names of the conditions that are given."""
        return list(self.named)

    @property
    def text(self) -> Tokens | None:
        """The encoded prompts, if there are any."""
        text = self.named.get("text")
        assert text is None or isinstance(text, Tokens), "text comes through the door of tokens"
        return text

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> "Conditions":
        """Take the conditions of the given rows (a slice, a list or an index tensor)."""
        return self.each(lambda condition: condition[rows])

    def __repr__(self) -> str:
        return f"Conditions({', '.join(self.names)})"

    def each(self, change: Callable[[Any], Any]) -> "Conditions":
        """Change every condition in the same way."""
        return Conditions(**{name: change(condition) for name, condition in self.named.items()})

    def to(self, *args: Any, **kwargs: Any) -> "Conditions":
        """Move to a device or a floating-point type, as `Tensor.to` does."""
        return self.each(lambda condition: condition.to(*args, **kwargs))

    def each_frame(self, num_frames: int) -> "Conditions":
        """Make the conditions of every frame as a clip of one frame: (b f) rows."""
        return self.each(lambda condition: condition.each_frame(num_frames))

    def dropped(
        self, rows: Mapping[str, Tensor], nulls: "Conditions | None" = None
    ) -> "Conditions":
        """Drop conditions from some rows.

        Args:
            rows: by name, (b,) bool, True where the condition is dropped.
            nulls: what stands in for the dropped ones, one row each, such as the empty prompt; a
                condition without a null is absent where it is dropped.

        Raises:
            UserError: for a name that is not given.
        """
        self.check_names(rows)
        found = {} if nulls is None else nulls.named
        new: dict[str, Any] = dict(self.named)
        for name, which in rows.items():
            new[name] = new[name].dropped(which, found.get(name))
        return Conditions(**new)

    def without(self, *names: str, nulls: "Conditions | None" = None) -> "Conditions":
        """Drop conditions from every row; arguments and errors as in `dropped`."""
        self.check_names(names)
        rows = {
            name: torch.ones(len(self.named[name]), dtype=torch.bool)
            for name in dict.fromkeys(names)
        }
        return self.dropped(rows, nulls)

    def in_turn(self, *names: str, nulls: "Conditions | None" = None) -> list["Conditions"]:
        """Make what guidance with a scale for each condition compares.

        Returns:
            the conditions with none of `names`, with the first, with the first two, ... with all.
        """
        return [self.without(*names[i:], nulls=nulls) for i in range(len(names) + 1)]

    def scaled(self, **strengths: float | Tensor) -> "Conditions":
        """Make conditions stronger or weaker by name: 0 is none, 1 what was trained.

        Raises:
            UserError: for a name that is not given.
        """
        self.check_names(strengths)
        new: dict[str, Any] = dict(self.named)
        return Conditions(**new | {n: new[n].scaled(strength) for n, strength in strengths.items()})

    def check_names(self, names: Mapping[str, Any] | Sequence[str]) -> None:
        """Raise a UserError for the first name that is not given."""
        for name in names:
            if name not in self.named:
                hint = nearest(name, self.names) if self.named else "none is given."
                raise UserError(f"There is no condition {name!r}; {hint}")


def cat_conditions(conditions: Sequence[Conditions]) -> Conditions:
    """Stack batches into one, as guidance does to ask for all its predictions in one call.

    The same conditions are given in all batches; what is dropped in one of them is given there too,
    as its null.
    """
    first = conditions[0].named
    same = all(set(other.named) == set(first) for other in conditions)
    assert same, f"some of the batches lack a condition: {[*conditions]}"
    columns: dict[str, list[Any]] = {n: [c.named[n] for c in conditions] for n in first}
    stacked: dict[str, Any] = {n: type(first[n]).stacked(rows) for n, rows in columns.items()}
    return Conditions(**stacked)


def draw_dropped(
    shares: Mapping[str, float], batch: int, generator: Generator | None = None
) -> dict[str, Tensor]:
    """Draw which rows lose which conditions, each by itself.

    Training with random subsets makes one set of weights serve them all, and guidance needs what
    the network predicts without a condition (Ho & Salimans 2022).

    Args:
        shares: by name, the probability that a row loses the condition.
        batch: rows.
        generator: source of the draws; torch's own unless given.

    Returns:
        by name, (b,) bool, as `Conditions.dropped` takes it.
    """
    return {name: torch.rand(batch, generator=generator) < share for name, share in shares.items()}
