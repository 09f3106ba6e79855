"""The three doors by which what steers a sample enters a network, and no other.

    Grid      b c f h w, on the grid of the frames    depth, masks, kept frames, camera rays
    Tokens    b m d with a mask                       text, reference images, sound
    Vector    b f d, one a frame                      frame rate, actions, strength of motion

A condition is a batch: tensors whose first axis is the row. One of them is its presence: 1 where
the condition is given, 0 where it is absent, and between for a weaker effect. Absent is not the
same as zero: where a condition is absent, a network computes what it computes without it.

`Conditions` holds all that steers a batch and travels beside `x` and `t`. It takes rows, moves,
drops, weakens and stacks all of them alike, by name, and knows nothing of what they mean.

Axes: b batch, c channels, f frames, h w places, m tokens, d features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Generator, Tensor

from kinema.errors import UserError, nearest


@dataclass
class Condition:
    """What the conditions of all doors can do; each door says which tensors it holds.

    The last of the tensors is the presence.
    """

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors of the condition, in the order of its fields."""
        return [getattr(self, field.name) for field in fields(self)]

    def each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Make the condition whose tensors are these, changed."""
        return type(self)(*map(change, self.tensors))

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> Self:
        """Take the given rows (a slice, a list or an index tensor) as a smaller batch."""
        return self.each(lambda x: x[rows])

    def expand(self, batch: int) -> Self:
        """Repeat a batch of one `batch` times, without copying."""
        return self.each(lambda x: x.expand(batch, *x.shape[1:]))

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device or a floating-point type, as `Tensor.to` does; a mask stays a mask."""
        device = self.tensors[0].to(*args, **kwargs).device
        return self.each(lambda x: x.to(*args, **kwargs) if x.is_floating_point() else x.to(device))

    def absent(self) -> Self:
        """Make the null of a condition that has no other: all zero, its presence too."""
        return self.each(torch.zeros_like)

    def dropped(self, rows: Tensor, null: Self | None = None) -> Self:
        """Replace rows by the null.

        Args:
            rows: (b,) bool, True where the condition is dropped.
            null: a batch of one, such as the encoded empty prompt; unless given, the condition is
                absent in these rows.
        """
        null = self.absent() if null is None else null.expand(len(self))
        ours, nulls = self.alike([self, null])
        pairs = zip(ours.tensors, nulls.tensors, strict=True)
        rows = rows.to(self.tensors[0].device)
        return type(self)(*(torch.where(over(rows, x), n.to(x), x) for x, n in pairs))

    def scaled(self, strength: float | Tensor) -> Self:
        """Make the effect stronger or weaker: 0 is none, 1 what was trained.

        Args:
            strength: a number, or one a row: (b,).
        """
        *others, presence = self.tensors
        if isinstance(strength, Tensor):
            strength = over(strength.to(presence), presence)
        return type(self)(*[*others, presence * strength])

    @classmethod
    def alike(cls, batches: Sequence[Self]) -> Sequence[Self]:
        """Make the rows of several batches alike in shape, so that they can be stacked."""
        return batches

    @classmethod
    def stacked(cls, batches: Sequence[Self]) -> Self:
        """Stack batches into one."""
        columns = zip(*(batch.tensors for batch in cls.alike(batches)), strict=True)
        return cls(*map(torch.cat, columns))


def over(rows: Tensor, x: Tensor) -> Tensor:
    """Give (b,) the trailing axes that let it act on the rows of x: (b, 1, ..., 1)."""
    return rows.view(-1, *[1] * (x.ndim - 1))


@dataclass
class Dense(Condition):
    """A condition with a presence at every place; what stands where it is absent has no influence.

    The presence is 1 everywhere unless given.
    """

    values: Tensor
    presence: Tensor = None  # type: ignore[assignment] # set below
    channels: ClassVar[int]  # the axis of them
    frames_as_rows: ClassVar[str]  # how every frame becomes a clip of one frame

    def __post_init__(self) -> None:
        if self.presence is None:
            self.presence = torch.ones_like(self.values.narrow(self.channels, 0, 1))

    def signal(self) -> Tensor:
        """What a port reads: the values where present and, as one channel more, the presence."""
        return torch.cat([self.values * self.presence, self.presence], dim=self.channels)

    def each_frame(self, num_frames: int) -> Self:
        """The condition of every frame as a clip of one frame: (b f) rows."""
        return self.each(lambda x: rearrange(x, self.frames_as_rows))


@dataclass
class Grid(Dense):
    """A condition on the frames' own grid: values (b, c, f, h, w), presence (b, 1, f, h, w)."""

    channels = 1
    frames_as_rows = "b c f h w -> (b f) c 1 h w"


@dataclass
class Vector(Dense):
    """A condition of one vector a frame: values (b, f, d), presence (b, f, 1)."""

    channels = -1
    frames_as_rows = "b f d -> (b f) 1 d"


@dataclass
class Tokens(Condition):
    """A condition of any number of tokens, such as an encoded prompt.

    Attributes:
        tokens: (b, m, d) token states; what stands at padded places has no influence.
        mask: (b, m) bool, True where a token is real; a row without any is absent.
        presence: (b,); unless given, 1 where a row has a real token.
    """

    tokens: Tensor
    mask: Tensor
    presence: Tensor = None  # type: ignore[assignment] # set below

    def __post_init__(self) -> None:
        if self.presence is None:
            self.presence = self.mask.any(1).to(self.tokens.dtype)

    @property
    def weights(self) -> Tensor:
        """How much each token counts, (b, m): the presence of its row, and 0 for padding."""
        return self.mask * self.presence[:, None]

    def mean(self) -> Tensor:
        """The mean of the real tokens: (b, d); zero in a row without any."""
        real = self.mask[..., None].to(self.tokens.dtype)
        return (self.tokens * real).sum(1) / real.sum(1).clamp(min=1)

    def summary(self, project: Callable[[Tensor], Tensor]) -> Tensor:
        """Project the mean of each row, and weigh it by the presence of the row: (b, d)."""
        projected = project(self.mean())
        return projected * self.presence[:, None].to(projected.dtype)

    def pad(self, length: int) -> "Tokens":
        """Pad to `length` tokens, (b, length, d), without changing what they mean."""
        missing = length - self.tokens.shape[1]
        assert missing >= 0, f"cannot pad {self.tokens.shape[1]} tokens to {length}"
        tokens = F.pad(self.tokens, (0, 0, 0, missing))
        return Tokens(tokens, F.pad(self.mask, (0, missing)), self.presence)

    @classmethod
    def alike(cls, batches: "Sequence[Tokens]") -> "Sequence[Tokens]":
        """Pad all to the longest of them."""
        length = max(batch.tokens.shape[1] for batch in batches)
        return [batch.pad(length) for batch in batches]

    def each_frame(self, num_frames: int) -> "Tokens":
        """The condition of every frame as a clip of one frame: (b f) rows."""
        return self.each(lambda x: x.repeat_interleave(num_frames, dim=0))


DOORS: dict[str, type[Grid | Tokens | Vector]] = {"grid": Grid, "tokens": Tokens, "vector": Vector}


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
    """Draw which rows lose which conditions, each by itself, as `Conditions.dropped` takes it.

    Training with random subsets makes one set of weights serve them all, and guidance needs what
    the network predicts without a condition (Ho & Salimans 2022). `shares` are the probabilities.
    """
    return {name: torch.rand(batch, generator=generator) < share for name, share in shares.items()}
