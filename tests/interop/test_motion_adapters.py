import json

import pytest
import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel

from kinema.blocks.mixers import Attention
from kinema.conditions import Conditions, Tokens
from kinema.errors import UserError
from kinema.interop.inflated import Inflated
from kinema.interop.motion_adapters import load_mixers, save_mixers


def text_unet(**options):
    """The layout of Stable Diffusion 1.5, small."""
    options = {"block_out_channels": (16, 32), "layers_per_block": 1} | options
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, norm_num_groups=4, cross_attention_dim=12,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=4, **options,
    ).eval()  # fmt: skip


def inputs(num_frames=3):
    text = Tokens(torch.randn(2, 5, 12), torch.ones(2, 5, dtype=torch.bool))
    return torch.randn(2, 4, num_frames, 8, 8), torch.full((2, num_frames), 0.5), Conditions(text)


def adapter(**options):
    torch.manual_seed(5)
    options = {"block_out_channels": (16, 32), "motion_layers_per_block": 1} | options
    made = MotionAdapter(motion_norm_num_groups=4, motion_num_attention_heads=4, **options)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made


@torch.no_grad()
def test_mixers_are_saved_alone_and_go_behind_another_image_network(tmp_path):
    first = Inflated(text_unet(), mixer=Attention(num_heads=2)).eval()
    for parameter in first.insertions.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    save_mixers(first, tmp_path)
    other = text_unet()  # other weights of the same shape
    second = load_mixers(other, tmp_path)
    x, t, conditions = inputs()
    for place, mixer in first.mixers.items():
        y = torch.randn(1, 3, 2, 2, mixer.norm.gain.shape[0])
        assert torch.equal(second.mixers[place](y), mixer(y))
    assert not torch.equal(second(x, t, conditions), first(x, t, conditions))
    other.load_state_dict(first.image_network.state_dict())
    assert torch.equal(second(x, t, conditions), first(x, t, conditions))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_motion_mid_block": False, "motion_transformer_layers_per_block": 2},
        {"motion_layers_per_block": 2, "motion_max_seq_length": 6},
    ],
    ids=str,
)
@torch.no_grad()
def test_animatediff_files_give_what_diffusers_gives(tmp_path, options):
    torch.manual_seed(0)
    layers = options.get("motion_layers_per_block", 1)
    unet, plain = text_unet(layers_per_block=layers), text_unet(layers_per_block=layers)
    plain.load_state_dict(unet.state_dict())
    adapter(**options).save_pretrained(tmp_path)
    theirs = UNetMotionModel.from_unet2d(unet, MotionAdapter.from_pretrained(tmp_path)).eval()
    x, t, conditions = inputs(num_frames=4)
    tokens = conditions.text.tokens.repeat_interleave(4, 0)
    expected = theirs(x, 1000 * 0.5 - 1, tokens).sample
    ours = load_mixers(unet, tmp_path).eval()
    torch.testing.assert_close(ours(x, t, conditions), expected, rtol=1e-4, atol=1e-4)
    assert (Inflated(plain)(x, t, conditions) - expected).abs().max() > 1e-2  # it does something


def test_a_folder_that_does_not_fit_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.json is missing"):
        load_mixers(text_unet(), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="neither"):
        load_mixers(text_unet(), tmp_path)
    save_mixers(Inflated(text_unet()), tmp_path)
    wide = text_unet(block_out_channels=(32, 32))
    with pytest.raises(UserError, match=r"does not fit.*down_blocks\.0\.attentions\.0"):
        load_mixers(wide, tmp_path)
    assert not wide.down_blocks[0].attentions[0]._forward_hooks  # and is left as it was
    assert all(p.requires_grad for p in wide.parameters())
    adapter(block_out_channels=(16, 32, 32)).save_pretrained(tmp_path / "deep")
    with pytest.raises(UserError, match=r"down_blocks\.2"):
        load_mixers(text_unet(), tmp_path / "deep")


def test_an_adapter_with_its_own_way_in_is_refused(tmp_path):
    adapter(conv_in_channels=9).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["conv_in_channels"] == 9
    with pytest.raises(UserError, match="PIA"):
        load_mixers(text_unet(), tmp_path)
