import copy

import pytest
import torch
from diffusers import UNet2DConditionModel, UNet2DModel

from kinema.blocks.attention import Causal
from kinema.blocks.mixers import AnimateDiff, Attention, Convolution, Pseudo3D, Recurrence, Unmixed
from kinema.conditions import Conditions, Tokens
from kinema.denoisers import DiT, DiTConfig, UNet, UNetConfig
from kinema.errors import UserError
from kinema.interop.image_networks import image_network_of
from kinema.interop.inflated import Inflated, find_places

MIXERS = [
    Unmixed(), Attention(), Convolution(), Pseudo3D(), Recurrence(), AnimateDiff(4, num_groups=4),
]  # fmt: skip


def unet():
    return UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, layers_per_block=1, norm_num_groups=4,
        block_out_channels=(16, 32), down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
    )  # fmt: skip


def text_unet(**options):
    """The layout of Stable Diffusion 1.5, small."""
    options = {"block_out_channels": (16, 32), "layers_per_block": 1} | options
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, norm_num_groups=4, cross_attention_dim=12,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=4, **options,
    )  # fmt: skip


def dit():
    network = DiT(DiTConfig(channels=3, dim=32, depth=2, num_heads=2, text_dim=12))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


HOSTS = {"unet": unet, "text_unet": text_unet, "dit": dit}


def host(name):
    torch.manual_seed(0)
    return HOSTS[name]().eval()


def inputs(network, num_frames=3, batch=2):
    torch.manual_seed(1)
    config = network.config
    channels = getattr(config, "in_channels", None) or config.channels
    x, t = torch.randn(batch, channels, num_frames, 8, 8), torch.rand(batch, num_frames)
    text = Tokens(torch.randn(batch, 5, 12), torch.arange(5) < torch.tensor([[5], [3]])[:batch])
    return x, t, Conditions(text)


def train(network):
    """Give the mixers weights that do something."""
    torch.manual_seed(2)
    for parameter in network.insertions.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def frame_by_frame(network, x, t, conditions):
    """The image network itself, on the frames as a batch."""
    b, _, f = x.shape[:3]
    frames, times = x.transpose(1, 2).flatten(0, 1), t.flatten()
    each = None if conditions is None else conditions.each_frame(f)
    y = image_network_of(network).call(network, frames, times, each)
    return y.unflatten(0, (b, f)).transpose(1, 2)


@pytest.mark.parametrize("mixer", MIXERS, ids=str)
@pytest.mark.parametrize("name", HOSTS)
@torch.no_grad()
def test_a_new_video_network_is_the_image_network_exactly(name, mixer):
    network = host(name)
    x, t, conditions = inputs(network)
    images = frame_by_frame(network, x, t, conditions)
    names = set(network.state_dict())
    video = Inflated(network, mixer=mixer).eval()
    assert torch.equal(video(x, t, conditions), images)
    assert set(network.state_dict()) == names  # the image network's own files still fit


@torch.no_grad()
def test_an_image_network_is_called_as_diffusers_calls_it():
    x, t, conditions = inputs(host("text_unet"), batch=1)
    network = host("text_unet")
    tokens = conditions.text.tokens.expand(3, -1, -1)
    images = network(x[0].transpose(0, 1), 1000 * t[0] - 1, tokens).sample
    assert torch.equal(Inflated(network)(x, t, conditions)[0].transpose(0, 1), images)


@pytest.mark.parametrize("name", HOSTS)
@torch.no_grad()
def test_trained_mixers_let_frames_talk_and_deflating_takes_them_away(name):
    network = host(name)
    x, t, conditions = inputs(network)
    images = frame_by_frame(network, x, t, conditions)
    video = train(Inflated(network, mixer="attention")).eval()
    changed = x.clone()
    changed[:, :, 0] += 1
    moved = (video(changed, t, conditions) - video(x, t, conditions)).abs().amax((0, 1, 3, 4))
    assert (moved[1:] > 1e-5).all()
    row = video(x[:1], t[:1], conditions[:1])
    torch.testing.assert_close(video(x, t, conditions)[:1], row, rtol=1e-5, atol=1e-5)
    video.deflate()
    assert torch.equal(frame_by_frame(network, x, t, conditions), images)
    assert all(p.requires_grad for p in network.parameters())


def test_only_mixers_are_trained_unless_asked():
    video = Inflated(host("unet"))
    x, t, _ = inputs(video.image_network)
    video(x, t).square().mean().backward()
    trained = {name for name, p in video.named_parameters() if p.grad is not None}
    assert trained and all(name.startswith("insertions.") for name in trained)
    assert all(p.requires_grad for p in Inflated(host("unet"), train_image=True).parameters())


@torch.no_grad()
def test_a_copy_has_mixers_of_its_own():
    video = Inflated(host("dit")).eval()
    x, t, conditions = inputs(video.image_network)
    before = video(x, t, conditions)
    other = train(copy.deepcopy(video))
    assert not torch.equal(other(x, t, conditions), before)
    assert torch.equal(video(x, t, conditions), before)
    fresh = Inflated(host("dit")).eval()
    fresh.load_state_dict(other.state_dict())
    assert torch.equal(fresh(x, t, conditions), other(x, t, conditions))


@torch.no_grad()
def test_causal_mixers_make_a_stream():
    video = train(Inflated(host("dit"), mixer=Attention(Causal(), num_heads=2))).eval()
    assert video.is_causal and not Inflated(host("dit"), mixer=Attention()).is_causal
    x, t, conditions = inputs(video.image_network, num_frames=5)
    cache = {}
    parts = [(slice(0, 2), None), (slice(2, 3), None), (slice(3, 5), None)]
    streamed = [video(x[:, :, part], t[:, part], conditions, cache) for part, _ in parts]
    whole = video(x, t, conditions)
    torch.testing.assert_close(torch.cat(streamed, 2), whole, rtol=1e-5, atol=1e-5)


def test_mixers_go_where_they_are_told():
    network = host("text_unet")
    assert find_places(network, ["down_blocks.*.resnets.*"]) == [
        "down_blocks.0.resnets.0", "down_blocks.1.resnets.0",
    ]  # fmt: skip
    specs = [Convolution(), Recurrence()]
    video = Inflated(network, ["down_blocks.0.resnets.0", "mid_block.attentions.0"], specs)
    assert [spec.kind for spec in video.specs] == ["convolution", "recurrence"]
    assert Inflated(UNet(UNetConfig(text_dim=0)), after="down.*.*").places == [
        "down.0.0", "down.0.1", "down.1.0", "down.1.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"after": "down_block.0.resnets.0"}, "down_blocks.0.resnets.0"),
        ({"after": "down_blocks.0.downsamplers.0.conv", "mixer": Attention(num_heads=3)}, "heads"),
        ({"after": "time_embedding"}, "no features"),
        ({"after": "mid_block", "mixer": ["attention", "none"]}, "2 mixers for the 1 places"),
    ],
)
def test_a_wrong_place_or_mixer_is_named(options, sentence):
    with pytest.raises(UserError, match=sentence):
        Inflated(host("unet"), **options)


def test_a_network_without_blocks_needs_places():
    with pytest.raises(UserError, match="after"):
        Inflated(UNet(UNetConfig()))
