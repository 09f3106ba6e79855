"""Frozen text encoders of transformers (T5, UMT5, CLIP) behind the interface of our own."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from torch import nn

from kinema.conditions.doors import Tokens
from kinema.errors import UserError, brief, nearest
from kinema.storage.atomic import read_object

if TYPE_CHECKING:  # an optional dependency
    from transformers import PreTrainedTokenizerBase

# model_type of the config.json -> class of transformers
ENCODER_CLASSES = {
    "t5": "T5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "clip": "CLIPTextModel",
    "clip_text_model": "CLIPTextModel",
}

LONGEST = 512  # tokens a prompt; some tokenizers name no limit


class PretrainedTextEncoder(nn.Module):
    """encoder(prompts) -> Tokens with the states of a frozen language model.

    Args:
        model: a T5EncoderModel, UMT5EncoderModel or CLIPTextModel of transformers. It stays frozen
            and without dropout, whatever is trained around it.
        tokenizer: its tokenizer, which keeps `max_length` when it is saved.
        max_length: tokens a prompt; what comes after is not read.
    """

    def __init__(
        self, model: nn.Module, tokenizer: "PreTrainedTokenizerBase", max_length: int = 77
    ):
        super().__init__()
        self.model, self.tokenizer = model.eval().requires_grad_(False), tokenizer
        self.max_length = tokenizer.model_max_length = max_length

    def train(self, mode: bool = True) -> Self:
        """Nothing changes: the encoder is frozen."""
        return super().train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Nothing changes: the encoder is frozen."""
        return super().requires_grad_(False)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        max_length: int | None = None,
        subfolder: str = "",
        tokenizer_subfolder: str = "",
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Load from a folder or a repository of the hub.

        Args:
            folder: of either.
            max_length: tokens a prompt; unless given, what the tokenizer says, up to 512.
            subfolder: where the model lies in it ("text_encoder" in pipelines of diffusers).
            tokenizer_subfolder: where the tokenizer lies in it ("tokenizer" there).
            dtype: floating-point type of the weights.

        Raises:
            UserError: if transformers is not installed, or the model is not one of these.
        """
        try:
            import transformers
        except ImportError as error:
            raise UserError(
                "Pretrained text encoders need transformers: pip install 'kinema[pretrained]'."
            ) from error
        kind = model_type(str(folder), subfolder)
        if kind not in ENCODER_CLASSES:
            hint = nearest(kind, list(ENCODER_CLASSES))
            raise UserError(f"{folder}: {kind!r} is not a text encoder kinema knows; {hint}")
        model_class = getattr(transformers, ENCODER_CLASSES[kind])
        model = model_class.from_pretrained(folder, subfolder=subfolder).to(dtype)
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, subfolder=tokenizer_subfolder
        )
        return cls(model, tokenizer, max_length or min(tokenizer.model_max_length, LONGEST))

    @property
    def dim(self) -> int:
        """Features of a token of the text."""
        return self.model.config.hidden_size

    @torch.no_grad()
    def forward(self, prompts: list[str], length: int | None = None) -> Tokens:
        """Encode prompts; "" is the null prompt.

        Args:
            prompts: b prompts.
            length: pad to this many tokens instead of to the longest prompt.
        """
        batch = self.tokenizer(
            list(prompts), padding=True, truncation=True, max_length=self.max_length,
            return_tensors="pt",
        ).to(self.model.device)  # fmt: skip
        states = self.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        text = Tokens(states.last_hidden_state, batch.attention_mask.bool())
        return text if length is None else text.pad(max(length, text.tokens.shape[1]))

    def unknown_words(self, prompt: str) -> list[str]:
        """None: these tokenizers spell what they do not know."""
        return []


def model_type(folder: str, subfolder: str) -> str:
    """The `model_type` in the config.json of a folder or a repository of the hub."""
    from transformers.utils import cached_file

    try:
        path = cached_file(folder, "config.json", subfolder=subfolder)
    except OSError as error:
        raise UserError(f"{folder} holds no text encoder: {brief(error)}.") from error
    if path is None:
        raise UserError(f"{Path(folder, subfolder)} holds no text encoder: config.json is missing.")
    return str(read_object(path).get("model_type", "none"))
