"""Encoders of pictures and prompts that the user names: models of transformers, frozen.

CLIP-type models put a picture and its caption at one place (Radford et al. 2021), DINO-type ones
pictures of one thing (Oquab et al. 2024). Pictures are prepared as the folder says.
"""

import contextlib
import io
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import UserError, brief, nearest

# model_type of the config.json -> class of transformers
DUAL = {"clip": "CLIPModel", "siglip": "SiglipModel"}
VISION = {
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
    "vit": "ViTModel",
    "clip_vision_model": "CLIPVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}
POOLED = {"clip_vision_model", "siglip_vision_model"}  # the others' first token is the picture
BATCH = 16  # pictures at once


@dataclass(frozen=True)
class Encoder:
    """Pictures, and with a dual model prompts, as vectors of unit length."""

    model: nn.Module  # of transformers
    processor: Any  # prepares pictures
    tokenizer: Any  # prepares prompts; None if the model sees only
    kind: str  # its `model_type`

    @torch.no_grad()
    def images(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings (n d) float64 of uint8 frames (h w 3)."""
        batches = [frames[i : i + BATCH] for i in range(0, len(frames), BATCH)]
        return np.concatenate([unit_vectors(self._look(list(batch))) for batch in batches])

    def _look(self, frames: list[np.ndarray]) -> Tensor:
        return self.embed(self.processor(images=frames, return_tensors="pt")["pixel_values"])

    @torch.no_grad()
    def embed(self, pixels: Tensor) -> Tensor:
        """Embeddings (b d), of any length, of pictures (b 3 h w) that are prepared already."""
        pixels = pixels.to(self.model.device)
        if self.kind in DUAL:
            seen = self.model.get_image_features(pixel_values=pixels)
            return getattr(seen, "pooler_output", seen)
        any_size = {"interpolate_pos_encoding": True} if self.kind == "vit" else {}
        seen = self.model(pixel_values=pixels, **any_size)
        return seen.pooler_output if self.kind in POOLED else seen.last_hidden_state[:, 0]

    @torch.no_grad()
    def texts(self, prompts: Sequence[str]) -> np.ndarray:
        """Embeddings (n d) float64 of prompts; what exceeds the model's length is not read."""
        padding = "max_length" if self.kind == "siglip" else True
        length = self.model.config.text_config.max_position_embeddings
        batch = self.tokenizer(
            list(prompts), padding=padding, truncation=True, max_length=length, return_tensors="pt"
        ).to(self.model.device)
        known = {name: batch[name] for name in ("input_ids", "attention_mask") if name in batch}
        read = self.model.get_text_features(**known)
        return unit_vectors(getattr(read, "pooler_output", read))


def text_encoder(folder: str | Path, device: str = "cpu") -> Encoder:
    """A CLIP-type model from a folder or the hub.

    Raises:
        UserError: if nothing is there, the model is another one, or weights are missing.
    """
    kind = str(read_config(folder, set(DUAL), "CLIP-type model")["model_type"])
    transformers = import_transformers()
    model = load_checked(folder, DUAL[kind]).to(device)
    tokenizer = load_part(folder, transformers.AutoTokenizer, "tokenizer")
    return Encoder(model, image_processor(folder), tokenizer, kind)


def image_encoder(folder: str | Path, device: str = "cpu") -> Encoder:
    """A model that sees, alone or as half of a CLIP-type one, from a folder or the hub.

    Raises:
        UserError: if nothing is there, the model is another one, or weights are missing.
    """
    kinds = {**DUAL, **VISION}
    kind = str(read_config(folder, set(kinds), "image encoder")["model_type"])
    # What DINO's ViT has no weights for, and nobody looks at.
    extra = {"add_pooling_layer": False} if kind == "vit" else {}
    model = load_checked(folder, kinds[kind], **extra).to(device)
    return Encoder(model, image_processor(folder), None, kind)


def read_config(folder: str | Path, kinds: set[str], what: str) -> dict[str, Any]:
    """The config.json of a folder or a repository, if its `model_type` is among `kinds`."""
    path = found(folder, "config.json")
    if path is None:
        raise UserError(f"{folder} holds no {what}: config.json is missing there.")
    config = json.loads(path.read_text())
    kind = str(config.get("model_type", "none"))
    if kind not in kinds:
        raise UserError(f"{folder} holds no {what} but {kind!r}; {nearest(kind, sorted(kinds))}")
    return config


def load_checked(folder: str | Path, name: str, **kwargs: Any) -> nn.Module:
    """A model of transformers, every weight of which was found; in float32, frozen."""
    model_class = getattr(import_transformers(), name, None)
    if model_class is None:
        raise UserError(f"This version of transformers has no {name}: install a newer one.")
    try:
        with quiet():
            model, report = model_class.from_pretrained(
                folder, output_loading_info=True, dtype=torch.float32, **kwargs
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{folder} holds no {name}: {brief(error)}.") from error
    if missing := sorted(report["missing_keys"]):
        raise UserError(f"{folder} holds no {name}: the weight {missing[0]!r} is missing.")
    return model.eval().requires_grad_(False)


def found(folder: str | Path, name: str) -> Path | None:
    """A file of a folder or of a repository of the hub; None if it is not there."""
    import_transformers()
    from transformers.utils import cached_file

    try:
        path = cached_file(str(folder), name, _raise_exceptions_for_missing_entries=False)
    except OSError as error:
        raise UserError(
            f"{folder} is neither a folder nor a model on the hub that can be reached."
        ) from error
    return Path(path) if path else None


def image_processor(folder: str | Path) -> Any:
    return load_part(folder, import_transformers().AutoImageProcessor, "preprocessor_config.json")


def load_part(folder: str | Path, kind: Any, what: str) -> Any:
    try:
        with quiet():
            return kind.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder} lacks its {what}, or it cannot be read.") from error


def import_transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UserError(
            "Encoders of pictures need transformers: pip install 'kinema[pretrained]'."
        ) from error
    return transformers


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and warnings of loading: what matters is raised."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def unit_vectors(vectors: Tensor) -> np.ndarray:
    values = vectors.double().cpu().numpy()
    return values / np.linalg.norm(values, axis=1, keepdims=True)
