"""A small text encoder that is trained together with its denoiser.

A word-level vocabulary from the captions it will see, learned positions, and a few bidirectional
transformer layers. The empty prompt has a learned token of its own: caption dropout trains it, and
guidance asks for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from einops import rearrange
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn

from kinema.blocks.attention import attend
from kinema.blocks.transformer import RMSNorm, squared_relu, xavier_
from kinema.conditions.doors import Tokens
from kinema.errors import UserError
from kinema.fields import Count, Whole, check_fields
from kinema.storage.weights import PretrainedMixin

TOKENIZER_NAME = "tokenizer.json"
UNKNOWN, NULL = "<unk>", "<null>"


@dataclass
class SmallTextConfig:
    """What a SmallTextEncoder is."""

    dim: Count = 192  # features of a token; a multiple of `num_heads`
    depth: Whole = 2  # layers
    num_heads: Count = 4  # attention heads
    max_length: Count = 64  # words a prompt; what comes after is not read

    def __post_init__(self):
        check_fields(self, "Text encoder: ")
        if self.dim % self.num_heads:
            raise UserError(
                f"Text encoder: dim is {self.dim}, and must be a multiple of num_heads, "
                f"that is of {self.num_heads}."
            )


def word_tokenizer(captions: Iterable[str], max_words: int = 30_000) -> Tokenizer:
    """A lower-case word tokenizer that knows the `max_words` most frequent words of `captions`."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    trainer = trainers.WordLevelTrainer(
        vocab_size=max_words, special_tokens=[UNKNOWN, NULL], show_progress=False
    )
    # In order and all at once, so that the same captions always give the same numbers
    tokenizer.train_from_iterator(sorted(set(captions)), trainer)
    return tokenizer


class Layer(nn.Module):
    """Attention among the words and an MLP, both on normed input."""

    def __init__(self, config: SmallTextConfig):
        super().__init__()
        self.num_heads = config.num_heads
        self.attention_norm, self.mlp_norm = RMSNorm(config.dim), RMSNorm(config.dim)
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.out = nn.Linear(config.dim, config.dim)
        self.up = nn.Linear(config.dim, 4 * config.dim)
        self.down = nn.Linear(4 * config.dim, config.dim)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # x: b n d, mask: b 1 n
        qkv = self.qkv(self.attention_norm(x))
        q, k, v = rearrange(qkv, "b n (s k d) -> s b k n d", s=3, k=self.num_heads).unbind()
        y = attend(q, k, v, mask)
        x = x + self.out(rearrange(y, "b k n d -> b n (k d)"))
        return x + self.down(squared_relu(self.up(self.mlp_norm(x))))


class SmallTextEncoder(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """encoder(prompts) -> Tokens, for prompts in the words of a given corpus.

    The vocabulary, as `word_tokenizer` makes it, is saved as tokenizer.json.
    """

    config_class = SmallTextConfig

    def __init__(self, config: SmallTextConfig, tokenizer: Tokenizer):
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(config.max_length)
        self.words = nn.Embedding(tokenizer.get_vocab_size(), config.dim)
        self.positions = nn.Parameter(torch.zeros(config.max_length, config.dim))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.dim)
        self.initialize()

    @classmethod
    def from_corpus(cls, captions: Iterable[str], config: SmallTextConfig | None = None) -> Self:
        """A new encoder whose vocabulary is the words of `captions`."""
        return cls(config or SmallTextConfig(), word_tokenizer(captions))

    def initialize(self) -> None:
        """Words from N(0, 1), but the unknown word zero: it says nothing until it is trained.
        Positions from N(0, 0.1). Matrices Xavier-uniform, and what a layer adds starts at zero.
        """
        nn.init.normal_(self.words.weight)
        nn.init.normal_(self.positions, std=0.1)
        with torch.no_grad():
            self.words.weight[self.tokenizer.token_to_id(UNKNOWN)] = 0
        xavier_(self)
        for layer in self.layers:
            nn.init.zeros_(layer.out.weight)
            nn.init.zeros_(layer.down.weight)

    @property
    def dim(self) -> int:
        """Features of a token of the text."""
        return self.config.dim

    def forward(self, prompts: list[str], length: int | None = None) -> Tokens:
        """Encode prompts; "" is the null prompt.

        Args:
            prompts: b prompts.
            length: pad to this many tokens instead of to the longest prompt; at most max_length.

        Raises:
            UserError: if `length` is more.
        """
        ids, mask = self.tokenize(prompts, length)
        x = self.words(ids) + self.positions[: ids.shape[1]]  # b n d
        for layer in self.layers:
            x = layer(x, mask[:, None])
        return Tokens(self.norm(x), mask)

    def tokenize(self, prompts: list[str], length: int | None = None) -> tuple[Tensor, Tensor]:
        """Token numbers and mask of the prompts, both (b, n)."""
        null = [self.tokenizer.token_to_id(NULL)]
        rows = [encoding.ids or null for encoding in (self.tokenizer.encode(p) for p in prompts)]
        length = max(length or 0, max(map(len, rows)))
        if length > self.config.max_length:
            raise UserError(
                f"The length is {length}, and max_length of the text encoder is less, "
                f"{self.config.max_length}."
            )
        device = self.positions.device
        padded = [row + [-1] * (length - len(row)) for row in rows]
        ids = torch.tensor(padded, device=device)
        mask = ids >= 0
        return ids.clamp(min=0), mask

    def unknown_words(self, prompt: str) -> list[str]:
        """The words of `prompt` that the vocabulary lacks, in order, each once."""
        text = self.tokenizer.normalizer.normalize_str(prompt)
        words = [word for word, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(text)]
        known = self.tokenizer.get_vocab()
        return [word for word in dict.fromkeys(words) if word not in known and word.isalnum()]

    def _save_pretrained(self, save_directory: Path) -> None:
        super()._save_pretrained(save_directory)
        self.tokenizer.save(str(save_directory / TOKENIZER_NAME))

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **kwargs: Any) -> Self:
        path = Path(model_id, TOKENIZER_NAME)
        if not path.is_file():
            raise UserError(f"{model_id} is not a saved text encoder: {TOKENIZER_NAME} is missing.")
        tokenizer = read_tokenizer(path)
        return super()._from_pretrained(model_id=model_id, tokenizer=tokenizer, **kwargs)


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a file; raise a UserError if there is none in it."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise UserError(f"{path} is not a tokenizer: {error}.") from error
    parts = ("normalizer", "pre_tokenizer")
    lacking = [part for part in parts if getattr(tokenizer, part) is None]
    lacking += [word for word in (UNKNOWN, NULL) if tokenizer.token_to_id(word) is None]
    if lacking:
        raise UserError(f"{path} is not a word tokenizer: it lacks {', '.join(lacking)}.")
    return tokenizer


class NoText(nn.Module):
    """Every prompt means the same; a denoiser without text (`text_dim` 0) belongs to it."""

    dim = 0

    def forward(self, prompts: Sequence[str]) -> None:
        """None, for any prompts: the condition is absent."""

    def unknown_words(self, prompt: str) -> list[str]:
        """Every word of `prompt`: none of them has any effect."""
        return prompt.split()
