"""The text encoder of a system that takes no prompts: it says nothing about any of them."""

from collections.abc import Sequence

from torch import nn


class NoText(nn.Module):
    """Every prompt means the same; a denoiser without text (`text_dim` 0) belongs to it."""

    dim = 0

    def forward(self, prompts: Sequence[str]) -> None:
        """None, for any prompts: the condition is absent."""

    def unknown_words(self, prompt: str) -> list[str]:
        """Every word of `prompt`: none of them has any effect."""
        return prompt.split()
