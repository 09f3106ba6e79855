import pytest
import torch
from diffusers import UNet2DConditionModel

from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.interop.image_networks import IMAGE_NETWORKS, OURS, image_network_of


def text_unet():
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, norm_num_groups=4,
        block_out_channels=(16, 32), cross_attention_dim=12, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip


def test_default_places_are_those_of_animatediff_or_the_blocks():
    network = text_unet()
    kind = image_network_of(network)
    assert kind is IMAGE_NETWORKS["UNet2DConditionModel"]
    assert kind.places(network) == [
        "down_blocks.0.attentions.0", "down_blocks.1.resnets.0", "mid_block.attentions.0",
        "up_blocks.0.resnets.0", "up_blocks.0.resnets.1",
        "up_blocks.1.attentions.0", "up_blocks.1.attentions.1",
    ]  # fmt: skip
    dit = DiT(DiTConfig(depth=2))
    assert image_network_of(dit) is OURS and OURS.places(dit) == ["blocks.0", "blocks.1"]


def test_a_text_network_without_text_is_told():
    with pytest.raises(UserError, match="needs a text"):
        image_network_of(text_unet()).call(
            text_unet(), torch.zeros(1, 4, 8, 8), torch.ones(1), None
        )
