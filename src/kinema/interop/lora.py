"""LoRA files of others, merged into the networks of a pipeline: W + scale alpha / rank B A.

Files come with the names of diffusers, of peft, of the original repositories (ComfyUI) or of kohya
and musubi; the library's own converters translate the last two. Every tensor of a file must find
its place, and change something: the library passes over what it does not know, and draws videos
without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from kinema.errors import UserError, brief
from kinema.interop.official import NETWORKS, Official
from kinema.interop.strict_loading import quiet
from kinema.storage.weights import read_weights, require_finite

PARTS = (*NETWORKS, "text_encoder", "text_encoder_2")
DOWN, UP = ("lora_A", "lora_down"), ("lora_B", "lora_up")  # what goes to the rank, and comes back
PEFT = "base_model.model."
FOREIGN = ("diffusion_model.", "lora_unet_", "lora_te")  # names that the library translates


@torch.no_grad()
def add_lora(
    official: Official, file: str | Path, scale: float = 1.0, experts: str = "both"
) -> int:
    """Merge a LoRA file into a pipeline.

    Args:
        official: the pipeline.
        file: .safetensors.
        scale: how much of it; 1 is what was trained.
        experts: of two networks, "high" noise, "low" noise, or "both".

    Returns:
        how many weights it changed.

    Raises:
        UserError: if a tensor has no place or another shape, or the file changes nothing.
    """
    if Path(file).suffix != ".safetensors":
        raise UserError(f"{file} is not .safetensors: a LoRA is read from no other file.")
    tensors = read_weights(file)
    require_finite(tensors, file)
    pairs = pairs_of(translated(official.pipe, tensors, file), file)
    alphas = alphas_of(Path(file))
    changes: list[tuple[Tensor, Tensor]] = []
    for name, (down, up, alpha) in pairs.items():
        rank = len(down)
        alpha = alphas.get(name.split(".")[0], rank) if alpha is None else alpha
        change = scale * alpha / rank * (up.double().flatten(1) @ down.double().flatten(1))
        for weight in weights_named(official, name, experts, file):
            if weight.numel() != change.numel():
                raise UserError(
                    f"{file} does not fit this model: {name!r} changes {tuple(change.shape)} "
                    f"numbers, and there are {tuple(weight.shape)}; it is of another model."
                )
            changes.append((weight, change.view(weight.shape)))
    if not any(change.any() for _, change in changes):
        raise UserError(f"{file} changes nothing: all that it adds is zero.")
    for weight, change in changes:  # nothing is changed before all has found its place
        weight.copy_(weight.double() + change)
    return len(changes)


def translated(pipe: Any, tensors: Mapping[str, Tensor], file: str | Path) -> dict[str, Tensor]:
    """Return tensors by the names of diffusers, the part of the pipeline first."""
    part = next(name for name in NETWORKS if getattr(pipe, name, None) is not None)
    tensors = {name.removeprefix(PEFT): tensor for name, tensor in tensors.items()}
    if any(name.startswith(FOREIGN) for name in tensors):
        if not hasattr(pipe, "lora_state_dict"):
            raise UserError(f"{file} has names that a {type(pipe).__name__} cannot translate.")
        import diffusers

        try:
            with quiet(diffusers.utils.logging):
                found = pipe.lora_state_dict(dict(tensors))
        except (ValueError, KeyError, RuntimeError, IndexError) as error:
            raise UserError(f"{file} is not a LoRA of this model: {brief(error)}.") from error
        tensors = found if isinstance(found, dict) else found[0] | (found[1] or {})
    known = tuple(f"{name}." for name in PARTS)
    return {
        name if name.startswith(known) else f"{part}.{name}": tensor
        for name, tensor in tensors.items()
    }


def pairs_of(
    tensors: Mapping[str, Tensor], file: str | Path
) -> dict[str, tuple[Tensor, Tensor, float | None]]:
    """Return down, up and alpha (or None) by the name of the module that they change.

    Raises:
        UserError: for a tensor that is none of these, or one without its other half.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        module, _, kind = name.removesuffix(".weight").rpartition(".")
        kind = "down" if kind in DOWN else "up" if kind in UP else kind
        if kind not in ("down", "up", "alpha"):
            raise UserError(
                f"{file} holds {name!r}, which is no part of a LoRA that kinema can merge."
            )
        found.setdefault(module, {})[kind] = tensor
    for module, halves in found.items():
        if not {"down", "up"} <= set(halves):
            raise UserError(f"{file} is not whole: {module!r} has one half of its pair.")
    return {
        module: (h["down"], h["up"], float(h["alpha"]) if "alpha" in h else None)
        for module, h in found.items()
    }


def alphas_of(file: Path) -> dict[str, float]:
    """Return the alpha of each part of a pipeline, where diffusers wrote it into the header."""
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata() or {}
    said = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    return {
        name.removesuffix(".lora_alpha"): float(value)
        for name, value in said.items()
        if name.endswith(".lora_alpha")
    }


def weights_named(official: Official, name: str, experts: str, file: str | Path) -> list[Tensor]:
    """Return the weight of a module, in both networks of a pipeline that has two.

    Raises:
        UserError: if there is no such module.
    """
    part, _, module = name.partition(".")
    networks: list[Any] = [getattr(official.pipe, part, None)]
    if part == NETWORKS[0] and len(official.experts.networks) == 2:
        both = list(official.experts.networks)
        networks = {"both": both, "high": both[:1], "low": both[1:]}[experts]
    try:
        return [network.get_submodule(module).weight for network in networks]
    except AttributeError as error:
        raise UserError(
            f"{file} does not fit this model: there is no {name!r} in it; it is of another model."
        ) from error
