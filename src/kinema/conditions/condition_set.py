"""Everything that steers a sample, in one object that travels beside `x` and `t`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from kinema.conditions.text import Text, cat_text


@dataclass
class Conditions:
    """What steers a batch of samples; a condition that is None is absent.

    Attributes:
        text: the encoded prompts, one row a sample.
    """

    text: Text | None = None

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> "Conditions":
        """The conditions of the given rows (a slice, a list or an index tensor)."""
        return Conditions(text=None if self.text is None else self.text[rows])

    def to(self, *args: Any, **kwargs: Any) -> "Conditions":
        """Move to a device or a floating-point type, as `Tensor.to` does."""
        return Conditions(text=None if self.text is None else self.text.to(*args, **kwargs))


def cat_conditions(conditions: Sequence[Conditions]) -> Conditions:
    """Stack batches into one, as guidance does to ask for all its predictions in one call.

    Either all batches have a text or none has.
    """
    texts = [condition.text for condition in conditions if condition.text is not None]
    assert len(texts) in (0, len(conditions)), "text in some of the batches only"
    return Conditions(text=cat_text(texts) if texts else None)
