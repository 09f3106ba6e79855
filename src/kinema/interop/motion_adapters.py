"""Mixers as a folder of their own, and AnimateDiff's motion adapters as diffusers saves them.

    my_motion/
      config.json            the places, and the mixer behind each
      model.safetensors      place.parameter -> weights

A motion module learned behind one image network goes behind any other of the same shape.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from kinema.blocks.mixers import AnimateDiff
from kinema.errors import UserError, brief
from kinema.interop.image_networks import places_of_unet
from kinema.interop.inflated import Inflated
from kinema.storage import whole_folder
from kinema.storage.atomic import read_object
from kinema.storage.weights import fetched, read_weights, require_finite

CONFIG, WEIGHTS = "config.json", "model.safetensors"
ADAPTER_WEIGHTS = "diffusion_pytorch_model.safetensors"


def save_mixers(network: Inflated, folder: str | Path) -> None:
    """Write the mixers, without the image network."""
    config = {"places": network.places, "mixers": [asdict(spec) for spec in network.specs]}
    weights = {
        f"{place}.{name}": weight.contiguous()
        for place, mixer in network.mixers.items()
        for name, weight in mixer.state_dict().items()
    }
    with whole_folder(folder, last=CONFIG) as staged:
        save_file(weights, staged / WEIGHTS)
        (staged / CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def load_mixers(
    image_network: nn.Module, folder: str | Path, train_image: bool = False
) -> Inflated:
    """Put saved mixers behind the blocks of an image network.

    Args:
        image_network: of the same shape as the one that they were trained behind.
        folder: one that `save_mixers` wrote, a MotionAdapter of diffusers, or either on the hub.
        train_image: as in `Inflated`.

    Raises:
        UserError: if the folder cannot be read, or does not fit the network.
    """
    folder = fetched(folder, [CONFIG, "*.safetensors"])
    config = read_config(folder)
    if config.get("_class_name") == "MotionAdapter":
        places, specs, weights = read_adapter(folder, config, image_network)
    elif {"places", "mixers"} <= set(config):
        places, specs = config["places"], config["mixers"]
        weights = read_tensors(folder / WEIGHTS)
    else:
        raise UserError(f"{folder / CONFIG} describes neither mixers nor a MotionAdapter.")
    network = Inflated(image_network, places, specs, train_image)
    for place, mixer in network.mixers.items():
        own = {
            k.removeprefix(f"{place}."): w for k, w in weights.items() if k.startswith(f"{place}.")
        }
        try:
            mixer.load_state_dict(own)
        except RuntimeError as error:
            network.deflate()
            raise UserError(
                f"{folder} does not fit this image network at {place}: {brief(error)}."
            ) from error
    return network


def read_config(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder} holds no mixers: {CONFIG} is missing.")
    return read_object(folder / CONFIG)


def read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"{path.parent} holds no mixers: {path.name} is missing.")
    tensors = read_weights(path)
    require_finite(tensors, path)
    return tensors


# ---- AnimateDiff --------------------------------------------------------------------------------

# Parts of a parameter's name in diffusers' AnimateDiffTransformer3D, and in our MotionModule
RENAMED = {
    "transformer_blocks.": "layers.",
    "attn1.": "attention1.",
    "attn2.": "attention2.",
    "to_q.": "q.",
    "to_k.": "k.",
    "to_v.": "v.",
    "to_out.0.": "out.",
    "ff.net.0.proj.": "up.",
    "ff.net.2.": "down.",
}


def read_adapter(
    folder: Path, config: dict[str, Any], image_network: nn.Module
) -> tuple[list[str], list[AnimateDiff], dict[str, Tensor]]:
    """Places, specs and weights of a MotionAdapter, in our names."""
    if config.get("conv_in_channels"):
        raise UserError(f"{folder}: an adapter with its own conv_in (PIA) is not supported.")
    weights = {}
    for name, weight in read_tensors(folder / ADAPTER_WEIGHTS).items():
        if not name.endswith("pos_embed.pe"):  # sines, computed where they are needed
            weights[our_name(name, image_network)] = weight
    try:
        specs = dict(adapter_specs(config, weights))
    except KeyError as error:
        raise UserError(f"{folder / CONFIG} lacks the field {error}.") from error
    places = [place for place in places_of_unet(image_network) if place in specs]
    if len(places) < len(specs):
        other = next(place for place in specs if place not in places)
        raise UserError(f"{folder} has a module for {other}, which this image network lacks.")
    return places, [specs[place] for place in places], weights


def our_name(name: str, image_network: nn.Module) -> str:
    """down_blocks.0.motion_modules.1.x -> down_blocks.0.attentions.1.x, or resnets without any."""
    block, rest = name.split(".motion_modules.")
    modules = dict(image_network.named_modules())
    part = "attentions" if f"{block}.attentions" in modules else "resnets"
    for theirs, ours in RENAMED.items():
        rest = rest.replace(theirs, ours)
    return f"{block}.{part}.{rest}"


def adapter_specs(
    config: dict[str, Any], weights: dict[str, Tensor]
) -> Iterator[tuple[str, AnimateDiff]]:
    """The place and the spec of each module: heads from the configuration, layers as they come."""
    levels = len(config["block_out_channels"])
    heads = config["motion_num_attention_heads"]
    heads = [heads] * levels if isinstance(heads, int) else list(heads)
    for key in weights:
        if not key.endswith(".proj_in.weight"):
            continue
        place = key.removesuffix(".proj_in.weight")
        way, number = place.split(".")[:2]
        level = {"down_blocks": int(number) if number.isdigit() else -1, "mid_block": -1}.get(way)
        level = levels - 1 - int(number) if level is None else level
        inside = [k for k in weights if k.startswith(f"{place}.layers.")]
        layers = {k.split(".layers.")[1].split(".")[0] for k in inside}
        lengths = config["motion_max_seq_length"], config["motion_norm_num_groups"]
        yield place, AnimateDiff(heads[level], len(layers), *lengths)
