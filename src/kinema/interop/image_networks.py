"""How each kind of image network is called, one image a row, and where mixers belong in it.

call(network, frames: n c h w, t: n in [0, 1], conditions) -> n c h w
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinema.conditions import Conditions, Tokens
from kinema.diffusion import DDPM
from kinema.errors import UserError

Inputs = tuple[Tensor, Tensor, Conditions | None]


@dataclass(frozen=True)
class ImageNetwork:
    """A kind of image network."""

    # the network, frames n c h w, times n in [0, 1] and conditions -> n c h w
    call: Callable[..., Tensor]
    # the network -> names of the modules behind which mixers go by default
    places: Callable[[nn.Module], list[str]]
    # the network -> frames, times and conditions that it takes
    example: Callable[[nn.Module], Inputs]


def image_network_of(network: nn.Module) -> ImageNetwork:
    """The kind of a network; what is not named in `IMAGE_NETWORKS` is called as ours are."""
    return IMAGE_NETWORKS.get(type(network).__name__, OURS)


# ---- ours: a denoiser of clips of one frame -----------------------------------------------------


def call_ours(
    network: nn.Module, frames: Tensor, t: Tensor, conditions: Conditions | None
) -> Tensor:
    return network(frames[:, :, None], t[:, None], conditions)[:, :, 0]


def places_of_ours(network: nn.Module) -> list[str]:
    if not isinstance(getattr(network, "blocks", None), nn.ModuleList):
        raise UserError(
            f"A {type(network).__name__} has no list called blocks: say with `after` which of its "
            "modules have mixers behind them."
        )
    return [f"blocks.{i}" for i in range(len(network.blocks))]


def example_of_ours(network: nn.Module) -> Inputs:
    return torch.zeros(1, network.config.channels, 16, 16), torch.zeros(1), None


# ---- diffusers: U-Nets that count training timesteps ---------------------------------------------


def call_unet(
    network: nn.Module, frames: Tensor, t: Tensor, conditions: Conditions | None
) -> Tensor:
    """diffusers' UNet2DModel."""
    refuse_others(network, conditions)
    return network(frames, DDPM().step_of_time(t), return_dict=False)[0]


def call_text_unet(
    network: nn.Module, frames: Tensor, t: Tensor, conditions: Conditions | None
) -> Tensor:
    """diffusers' UNet2DConditionModel; padding is hidden from it only where there is some."""
    if conditions is None or conditions.text is None:
        raise UserError("A UNet2DConditionModel needs a text: give conditions with one.")
    refuse_others(network, conditions)
    text = conditions.text
    if not text.mask.is_meta and not text.mask.any(1).all():
        raise UserError("A UNet2DConditionModel needs a text in every row: drop none of them.")
    mask = None if text.mask.is_meta or text.mask.all() else text.mask
    steps = DDPM().step_of_time(t)
    return network(
        frames, steps, text.tokens, encoder_attention_mask=mask, return_dict=False
    )[0]  # fmt: skip


def refuse_others(network: nn.Module, conditions: Conditions | None) -> None:
    """Raise a UserError for a condition that is no text: there is no way in for it."""
    for name in conditions.names if conditions is not None else []:
        if name != "text":
            raise UserError(
                f"A {type(network).__name__} takes no condition {name!r}: leave it out."
            )


def places_of_unet(network: nn.Module) -> list[str]:
    """Where AnimateDiff puts its modules: behind each pair of a resnet and an attention."""
    places = []
    for way in ("down_blocks", "mid_block", "up_blocks"):
        blocks = getattr(network, way)
        named = [(way, blocks)] if way == "mid_block" else blocks.named_children()
        for number, block in named:
            name = way if way == "mid_block" else f"{way}.{number}"
            attentions = [a for a in getattr(block, "attentions", None) or () if a is not None]
            part = "attentions" if attentions else "resnets"
            count = len(attentions) or len(block.resnets)
            places += [f"{name}.{part}.{i}" for i in range(count)]
    return places


def example_of_unet(network: nn.Module) -> Inputs:
    side = 2 ** len(network.config.block_out_channels)
    return torch.zeros(1, network.config.in_channels, side, side), torch.zeros(1), None


def example_of_text_unet(network: nn.Module) -> Inputs:
    frames, t, _ = example_of_unet(network)
    tokens = torch.zeros(1, 1, network.config.cross_attention_dim)
    return frames, t, Conditions(Tokens(tokens, torch.ones(1, 1, dtype=torch.bool)))


OURS = ImageNetwork(call_ours, places_of_ours, example_of_ours)
IMAGE_NETWORKS: dict[str, ImageNetwork] = {
    "UNet2DModel": ImageNetwork(call_unet, places_of_unet, example_of_unet),
    "UNet2DConditionModel": ImageNetwork(call_text_unet, places_of_unet, example_of_text_unet),
}
