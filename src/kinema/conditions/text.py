"""Text as a condition: a padded batch of token states and the mask that tells which are real."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass
class Text:
    """A batch of encoded prompts.

    Attributes:
        tokens: (b, n, d) token states; what stands at padded places has no influence.
        mask: (b, n) bool, True where a token is real; every row has at least one.
    """

    tokens: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: slice | Sequence[int] | Tensor) -> "Text":
        """The given rows (a slice, a list or an index tensor) as a smaller batch."""
        return Text(self.tokens[rows], self.mask[rows])

    def to(self, *args: Any, **kwargs: Any) -> "Text":
        """Move to a device or a floating-point type, as `Tensor.to` does."""
        tokens = self.tokens.to(*args, **kwargs)
        return Text(tokens, self.mask.to(tokens.device))

    def mean(self) -> Tensor:
        """The mean of the real tokens: (b, d)."""
        real = self.mask[..., None].to(self.tokens.dtype)
        return (self.tokens * real).sum(1) / real.sum(1)

    def pad(self, length: int) -> "Text":
        """Pad to `length` tokens, (b, length, d), without changing what the text means."""
        missing = length - self.tokens.shape[1]
        assert missing >= 0, f"cannot pad {self.tokens.shape[1]} tokens to {length}"
        return Text(F.pad(self.tokens, (0, 0, 0, missing)), F.pad(self.mask, (0, missing)))

    def expand(self, batch: int) -> "Text":
        """Repeat a batch of one `batch` times, without copying."""
        return Text(self.tokens.expand(batch, -1, -1), self.mask.expand(batch, -1))


def cat_text(texts: Sequence[Text]) -> Text:
    """Stack batches of text into one, padded to the longest of them."""
    length = max(text.tokens.shape[1] for text in texts)
    padded = [text.pad(length) for text in texts]
    return Text(
        torch.cat([text.tokens for text in padded]), torch.cat([text.mask for text in padded])
    )
