"""A training step of every family of denoisers against its counterpart in diffusers.

    python benchmarks/denoisers.py            # about ten minutes, on an idle machine

Prints the table and writes it to docs/results/denoisers.md, in fp32 to
docs/results/denoisers_fp32.md. A processor with AVX2 only is emulated on a later one by
ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 in the environment.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import diffusers
import torch
from measuring import add_options, apply_options, conditions_of_run, page_of
from torch import Tensor, nn
from training_speed import Runner, race, training_step

from kinema.conditions import Conditions, Tokens
from kinema.denoisers import SIZES, count_flops, count_parameters, forward_flops, make_denoiser

LATENTS = (16, 9, 8, 8)  # c f h w: 33 frames of 64 pixels through a 4x8x8 codec
TEXT_TOKENS, TEXT_DIM = 20, 192
NOTE = """
Forward, backward and fused AdamW, bf16 under autocast, on the same latents (16 channels, 9 frames,
8 x 8) with 20 text tokens. Each family stands against the class of diffusers that does what it
does, as wide or deep as makes its parameters nearest to ours. Rounds are interleaved: every round
measures the matrix ceiling and every network once, and the table quotes medians and the median of
the ratios of each round. Where both work frame by frame, both are the same convolutions of oneDNN,
and little is left to win. Families without a line of theirs have no counterpart there. lucidrains'
video-diffusion-pytorch cannot be imported without torchvision, and is left out.
""".strip()

Inputs = tuple[Tensor, Tensor, Tensor]  # x: b c f h w, timesteps: b, text: b m d


@dataclass
class Peer:
    """A class of diffusers.

    Attributes:
        make: its network from numbers, its layers or the widths of its levels.
        sizes: those to choose from.
        call: its prediction, b c f h w or b f c h w.
    """

    make: Callable[..., nn.Module]
    sizes: list[tuple[int, ...]]
    call: Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]


def unet_options(widths: tuple[int, ...], kind: str) -> dict:
    """Two levels, attention at the coarser one, as ours."""
    return {
        "in_channels": 16, "out_channels": 16, "layers_per_block": 1,
        "block_out_channels": widths, "cross_attention_dim": TEXT_DIM,
        "down_block_types": (f"DownBlock{kind}", f"CrossAttnDownBlock{kind}"),
        "up_block_types": (f"CrossAttnUpBlock{kind}", f"UpBlock{kind}"),
    }  # fmt: skip


def wan(layers: int) -> nn.Module:
    return diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=4, attention_head_dim=64, in_channels=16,
        out_channels=16, text_dim=TEXT_DIM, ffn_dim=1024, num_layers=layers,
    )  # fmt: skip


def latte(layers: int) -> nn.Module:
    return diffusers.LatteTransformer3DModel(
        num_attention_heads=4, attention_head_dim=64, in_channels=16, out_channels=16,
        num_layers=layers, cross_attention_dim=256, caption_channels=TEXT_DIM, sample_size=8,
        patch_size=2, activation_fn="gelu-approximate", num_embeds_ada_norm=1000,
        norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6, video_length=9,
    )  # fmt: skip


def cogvideox(layers: int) -> nn.Module:
    return diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=4, attention_head_dim=64, in_channels=16, out_channels=16,
        time_embed_dim=256, text_embed_dim=TEXT_DIM, num_layers=layers, sample_width=8,
        sample_height=8, sample_frames=33, max_text_seq_length=TEXT_TOKENS,
    )  # fmt: skip


def framewise(*widths: int) -> nn.Module:
    options = unet_options(widths, "2D")
    return diffusers.UNet2DConditionModel(
        **options, attention_head_dim=4, norm_num_groups=8, mid_block_type=None
    )


def motion(*widths: int) -> nn.Module:
    return diffusers.UNetMotionModel(
        **unet_options(widths, "Motion"), num_attention_heads=4, motion_num_attention_heads=4,
        norm_num_groups=8,
    )  # fmt: skip


def unet3d(*widths: int) -> nn.Module:
    return diffusers.UNet3DConditionModel(
        **unet_options(widths, "3D"), attention_head_dim=32, norm_num_groups=8
    )


def spatio_temporal(*widths: int) -> nn.Module:
    return diffusers.UNetSpatioTemporalConditionModel(
        **unet_options(widths, "SpatioTemporal"), addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96, num_attention_heads=(4, 4), num_frames=9,
    )  # fmt: skip


def folded(network: nn.Module, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
    """Frames are pictures of one batch."""
    f = x.shape[2]
    pictures = x.transpose(1, 2).flatten(0, 1)
    return network(
        pictures, t.repeat_interleave(f), text.repeat_interleave(f, 0), return_dict=False
    )[0]


def channels_first(network: nn.Module, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
    return network(x, t, encoder_hidden_states=text, return_dict=False)[0]


def text_for_frames(network: nn.Module, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
    """As the pipelines of AnimateDiff call it: a copy of the text for every frame."""
    text = text.repeat_interleave(x.shape[2], 0)
    return network(x, t, encoder_hidden_states=text, return_dict=False)[0]


def frames_first(network: nn.Module, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
    return network(x.transpose(1, 2), encoder_hidden_states=text, timestep=t, return_dict=False)[0]


def with_frame_rate(network: nn.Module, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
    ids = torch.zeros(len(x), 3, device=x.device)
    return network(x.transpose(1, 2), t, text[:, :1], added_time_ids=ids, return_dict=False)[0]


LAYERS = [(layers,) for layers in range(1, 17)]
WIDTHS = [(fine, coarse) for fine in (64, 96, 128) for coarse in range(fine, 2 * fine + 65, 32)]
PEERS = {
    "WanTransformer3DModel": Peer(wan, LAYERS, channels_first),
    "LatteTransformer3DModel": Peer(latte, LAYERS, channels_first),
    "CogVideoXTransformer3DModel": Peer(cogvideox, LAYERS, frames_first),
    "UNet2DConditionModel": Peer(framewise, WIDTHS, folded),
    "UNetMotionModel": Peer(motion, WIDTHS, text_for_frames),
    "UNet3DConditionModel": Peer(unet3d, WIDTHS, channels_first),
    "UNetSpatioTemporalConditionModel": Peer(spatio_temporal, WIDTHS, with_frame_rate),
}
COUNTERPARTS = {
    "dit": "WanTransformer3DModel",
    "dit-frame": None,
    "dit-factorized": "LatteTransformer3DModel",
    "dit-causal": None,
    "dit-recurrent": None,
    "mmdit": "CogVideoXTransformer3DModel",
    "uvit": None,
    "unet-frame": "UNet2DConditionModel",
    "unet": "UNetMotionModel",
    "unet-3d": "UNet3DConditionModel",
    "unet-spacetime": "UNetSpatioTemporalConditionModel",
    "unet-recurrent": None,
}


def ours(family: str, size: str, batch: int, precision: str) -> Runner:
    """A training step of ours, as `kinema train` takes it."""
    network = make_denoiser(SIZES[f"{family}-{size}"])
    x, t = torch.randn(batch, *LATENTS), torch.rand(batch, LATENTS[1])
    mask = torch.ones(batch, TEXT_TOKENS, dtype=torch.bool)
    conditions = Conditions(Tokens(torch.randn(batch, TEXT_TOKENS, TEXT_DIM), mask))
    step = training_step(
        network, lambda: (network(x, t, conditions) - x).square().mean(), precision
    )
    flops = 3 * batch * count_flops(network, LATENTS, TEXT_TOKENS)
    return Runner(f"{family}-{size}", network, step, flops)


def theirs(name: str, parameters: float, batch: int, precision: str) -> Runner:
    """A training step of the class of diffusers, of about as many million parameters."""
    peer = PEERS[name]
    size = min(peer.sizes, key=lambda size: abs(size_on_paper(peer, size) - parameters))
    network = peer.make(*size)
    x, t = torch.randn(batch, *LATENTS), torch.randint(0, 1000, (batch,))
    text = torch.randn(batch, TEXT_TOKENS, TEXT_DIM)

    def loss() -> Tensor:
        return peer.call(network, x, t, text).float().square().mean()

    flops = 3 * forward_flops(Called(network, peer.call), x, t, text)
    return Runner(name, network, training_step(network, loss, precision), flops)


class Called(nn.Module):
    """A network of diffusers behind its call, to be counted on the meta device."""

    def __init__(self, network: nn.Module, call: Callable[..., Tensor]):
        super().__init__()
        self.network, self.call = network, call

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.call(self.network, *inputs)


def size_on_paper(peer: Peer, size: tuple[int, ...]) -> float:
    """Millions of parameters, without making them."""
    with torch.device("meta"):
        return count_parameters(peer.make(*size)) / 1e6


def rows(family: str, options: argparse.Namespace, dtype: torch.dtype) -> list[str]:
    """The lines of one family and of its counterpart."""
    batch, precision = options.batch, options.precision
    runners = [ours(family, options.size, batch, precision)]
    if name := COUNTERPARTS[family]:
        runners.append(theirs(name, runners[0].parameters, batch, precision))
    ceilings, seconds = race(runners, options.rounds, dtype)
    lines = []
    for i, runner in enumerate(runners):
        times = [row[i] for row in seconds]
        mfu = median(runner.flops / s / c for s, c in zip(times, ceilings, strict=True))
        ratio = f"{median(row[i] / row[0] for row in seconds):.2f}" if i else ""
        lines.append(
            f"| {runner.name} | {runner.parameters:.1f} M | {runner.flops / 1e9:.0f} "
            f"| {1000 * median(times):.0f} | {100 * mfu:.0f} % | {ratio} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="+", choices=COUNTERPARTS, default=[*COUNTERPARTS])
    parser.add_argument("--size", default="small")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved measurements")
    add_options(parser)
    options = parser.parse_args()
    dtype = apply_options(options)
    command = " ".join(["python benchmarks/denoisers.py", *sys.argv[1:]])
    lines = [
        *("# Training steps of the denoisers", "", f"`{command}`", "", NOTE, ""),
        f"Batch {options.batch}, {options.threads} threads, {options.rounds} rounds. "
        f"{conditions_of_run(options.precision)}\n",
        "| network | parameters | GFLOP a step | ms a step | share of ceiling | ours is faster |",
        "|---|---|---|---|---|---|",
    ]
    for family in options.families:
        lines += rows(family, options, dtype)
        print("\n".join(lines[-2:]), flush=True)
    page_of("denoisers", options.precision).write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
