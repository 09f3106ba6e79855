"""Small random pipelines of the real classes of diffusers, tokenizers included.

Weights that a class starts at zero (the output layer of LTX, the branch of VACE, motion modules)
are filled with noise: a network whose output is zero would agree with everything. Whoever imports
this module is skipped where kinema[pretrained] is not installed.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

MISSING = "kinema[pretrained] is not installed"
diffusers = pytest.importorskip("diffusers", reason=MISSING)
transformers = pytest.importorskip("transformers", reason=MISSING)
for library in ("accelerate", "peft", "ftfy"):
    pytest.importorskip(library, reason=MISSING)
SMALL = json.loads(Path(__file__).with_name("small_codecs.json").read_text())
WORDS = ["a", "red", "blue", "ball", "cube", "rolls", "to", "the", "right", "spins"]


def tokenizer(length: int = 512) -> Any:
    """One token a word."""
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_max_length=length,
    )  # fmt: skip


def t5(kind: str = "T5") -> Any:
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=32, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    return random(getattr(transformers, f"{kind}EncoderModel")(config))


def clip_text() -> Any:
    config = transformers.CLIPTextConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=77, projection_dim=16,
        bos_token_id=0, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    return random(transformers.CLIPTextModel(config))


def clip_image(projected: bool) -> Any:
    size = 224 if projected else 32  # that of Stable Video Diffusion is fixed
    config = transformers.CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        image_size=size, patch_size=size // 2, projection_dim=16,
    )  # fmt: skip
    kind = "CLIPVisionModelWithProjection" if projected else "CLIPVisionModel"
    return random(getattr(transformers, kind)(config))


def image_processor() -> Any:
    size = {"height": 32, "width": 32}
    return transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size)


def vae(name: str, **config: Any) -> Any:
    return random(getattr(diffusers, name)(**SMALL[name] | config))


def random(network: Any) -> Any:
    """Give every tensor that is zero throughout some noise."""
    with torch.no_grad():
        for tensor in network.parameters():
            if not tensor.any():
                tensor.normal_(0, 0.2)
    return network.eval()


# ---- the pipelines -------------------------------------------------------------------------------


def flow(**options: Any) -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(**options)


def unipc(**options: Any) -> Any:
    return diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, **options
    )


WAN_SIZES = {
    "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4,
    "text_dim": 16, "freq_dim": 16, "ffn_dim": 32, "num_layers": 2, "rope_max_seq_len": 32,
}  # fmt: skip


def wan_network(kind: str = "WanTransformer3DModel", **config: Any) -> Any:
    return random(getattr(diffusers, kind)(**WAN_SIZES | config))


def wan(scheduler: Any = None, **parts: Any) -> Any:
    return diffusers.WanPipeline(
        tokenizer=tokenizer(), text_encoder=t5("UMT5"), vae=vae("AutoencoderKLWan"),
        scheduler=scheduler or unipc(flow_shift=3.0),
        **{"transformer": wan_network()} | parts,
    )  # fmt: skip


def wan_two_experts() -> Any:
    low = wan_network()
    with torch.no_grad():
        low.proj_out.weight.mul_(-0.5)
    return wan(transformer_2=low, boundary_ratio=0.875)


def wan_dpm() -> Any:
    return wan(
        diffusers.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        )
    )


def wan_frame_times() -> Any:
    return wan(expand_timesteps=True)


def wan_image(**parts: Any) -> Any:
    network = wan_network(in_channels=12, image_dim=16, added_kv_proj_dim=24)
    return diffusers.WanImageToVideoPipeline(
        tokenizer=tokenizer(), text_encoder=t5("UMT5"), vae=vae("AutoencoderKLWan"),
        scheduler=flow(shift=5.0),
        **{"transformer": network, "image_encoder": clip_image(False),
               "image_processor": image_processor()} | parts,
    )  # fmt: skip


def wan_image_without_clip() -> Any:
    network = wan_network(in_channels=12)
    return wan_image(transformer=network, image_encoder=None, image_processor=None)


def wan_image_two_experts() -> Any:
    high, low = (wan_network(in_channels=12) for _ in range(2))
    return wan_image(
        transformer=high, transformer_2=low, image_encoder=None, image_processor=None,
        boundary_ratio=0.9,
    )  # fmt: skip


def wan_image_frame_times() -> Any:
    return wan_image(
        transformer=wan_network(), image_encoder=None, image_processor=None, expand_timesteps=True
    )


def wan_vace() -> Any:
    network = wan_network(
        "WanVACETransformer3DModel", vace_layers=[0, 1], vace_in_channels=2 * 4 + 64
    )
    return diffusers.WanVACEPipeline(
        tokenizer=tokenizer(), text_encoder=t5("UMT5"), vae=vae("AutoencoderKLWan"),
        scheduler=flow(shift=3.0), transformer=network,
    )  # fmt: skip


def sky_reels(kind: str = "SkyReelsV2DiffusionForcingPipeline") -> Any:
    with_fps = "DiffusionForcing" in kind
    network = wan_network("SkyReelsV2Transformer3DModel", inject_sample_info=with_fps)
    return getattr(diffusers, kind)(
        tokenizer=tokenizer(), text_encoder=t5("UMT5"), vae=vae("AutoencoderKLWan"),
        scheduler=unipc(flow_shift=8.0), transformer=network,
    )  # fmt: skip


def ltx(kind: str = "LTXPipeline") -> Any:
    network = diffusers.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=12,
        cross_attention_dim=24, num_layers=2, caption_channels=16,
    )  # fmt: skip
    scheduler = flow(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, shift_terminal=0.1)
    return getattr(diffusers, kind)(
        tokenizer=tokenizer(), text_encoder=t5(), vae=vae("AutoencoderKLLTXVideo"),
        scheduler=scheduler, transformer=random(network),
    )  # fmt: skip


def cogvideox(kind: str = "CogVideoXPipeline", **config: Any) -> Any:
    channels = 4 if kind == "CogVideoXPipeline" else 8
    network = diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=channels, out_channels=4,
        time_embed_dim=8, text_embed_dim=16, num_layers=2, sample_width=4, sample_height=4,
        sample_frames=9, max_text_seq_length=226, **config,
    )  # fmt: skip
    scheduler = diffusers.CogVideoXDDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", snr_shift_scale=3.0,
        prediction_type="v_prediction", rescale_betas_zero_snr=True, set_alpha_to_one=True,
        timestep_spacing="trailing", clip_sample=False,
    )  # fmt: skip
    return getattr(diffusers, kind)(
        tokenizer=tokenizer(), text_encoder=t5(), vae=vae("AutoencoderKLCogVideoX"),
        scheduler=scheduler, transformer=random(network),
    )  # fmt: skip


def cogvideox_rope() -> Any:
    return cogvideox(use_rotary_positional_embeddings=True)


def cogvideox_1_5() -> Any:
    return cogvideox(
        use_rotary_positional_embeddings=True, use_learned_positional_embeddings=False,
        patch_size_t=2, patch_bias=False,
    )  # fmt: skip


def cogvideox_image() -> Any:
    return cogvideox("CogVideoXImageToVideoPipeline", use_rotary_positional_embeddings=True)


def cogvideox_control() -> Any:
    return cogvideox("CogVideoXFunControlPipeline", use_rotary_positional_embeddings=True)


def svd() -> Any:
    network = diffusers.UNetSpatioTemporalConditionModel(
        sample_size=16, in_channels=8, out_channels=4, block_out_channels=(32, 32),
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=24, layers_per_block=1,
        cross_attention_dim=16, num_attention_heads=2, num_frames=5,
    )  # fmt: skip
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        interpolation_type="linear", num_train_timesteps=1000, prediction_type="v_prediction",
        sigma_max=700.0, sigma_min=0.002, steps_offset=1, timestep_spacing="leading",
        timestep_type="continuous", use_karras_sigmas=True,
    )  # fmt: skip
    return diffusers.StableVideoDiffusionPipeline(
        vae=vae("AutoencoderKLTemporalDecoder"), image_encoder=clip_image(True),
        unet=random(network), scheduler=scheduler, feature_extractor=image_processor(),
    )  # fmt: skip


def hunyuan() -> Any:
    llama = transformers.LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=4,
        num_attention_heads=2, max_position_embeddings=512,
    )  # fmt: skip
    network = diffusers.HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, patch_size=2, text_embed_dim=16,
        pooled_projection_dim=16, rope_axes_dim=(4, 4, 4),
    )  # fmt: skip
    return diffusers.HunyuanVideoPipeline(
        tokenizer=tokenizer(), text_encoder=random(transformers.LlamaModel(llama)),
        tokenizer_2=tokenizer(77), text_encoder_2=clip_text(),
        vae=vae("AutoencoderKLHunyuanVideo"), scheduler=flow(shift=7.0),
        transformer=random(network),
    )  # fmt: skip


def mochi() -> Any:
    network = diffusers.MochiTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, num_layers=2, pooled_projection_dim=16,
        in_channels=4, text_embed_dim=16, time_embed_dim=16,
    )  # fmt: skip
    return diffusers.MochiPipeline(
        tokenizer=tokenizer(), text_encoder=t5(), vae=vae("AutoencoderKLMochi"),
        scheduler=flow(invert_sigmas=True), transformer=random(network),
    )  # fmt: skip


def animatediff() -> Any:
    blocks = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 16), layers_per_block=1, norm_num_groups=4,
        cross_attention_dim=16, attention_head_dim=2, down_block_types=blocks[0],
        up_block_types=blocks[1],
    )  # fmt: skip
    adapter = diffusers.MotionAdapter(
        block_out_channels=(16, 16), motion_layers_per_block=1, motion_num_attention_heads=2,
        motion_norm_num_groups=4,
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False,
        timestep_spacing="trailing", steps_offset=1,
    )  # fmt: skip
    return diffusers.AnimateDiffPipeline(
        vae=vae("AutoencoderKL", scaling_factor=0.18215, shift_factor=None),
        text_encoder=clip_text(), tokenizer=tokenizer(77),
        unet=random(unet), motion_adapter=random(adapter), scheduler=scheduler,
    )  # fmt: skip


def modelscope() -> Any:
    network = diffusers.UNet3DConditionModel(
        block_out_channels=(16, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=16,
        attention_head_dim=8, down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    return diffusers.TextToVideoSDPipeline(
        vae=vae("AutoencoderKL", scaling_factor=0.18215, shift_factor=None),
        text_encoder=clip_text(), tokenizer=tokenizer(77), unet=random(network),
        scheduler=scheduler,
    )  # fmt: skip


def latte() -> Any:
    network = diffusers.LatteTransformer3DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=1,
        cross_attention_dim=16, attention_bias=True, sample_size=4, patch_size=2,
        activation_fn="gelu-approximate", num_embeds_ada_norm=1000, norm_type="ada_norm_single",
        norm_elementwise_affine=False, norm_eps=1e-6, caption_channels=16, video_length=9,
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.0001, beta_end=0.02, beta_schedule="linear", clip_sample=False
    )
    return diffusers.LattePipeline(
        tokenizer=tokenizer(120), text_encoder=t5(), transformer=random(network),
        vae=vae("AutoencoderKL", scaling_factor=0.18215, shift_factor=None), scheduler=scheduler,
    )  # fmt: skip


def allegro() -> Any:
    network = diffusers.AllegroTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, num_layers=1, cross_attention_dim=24,
        sample_height=4, sample_width=4, sample_frames=3, caption_channels=16,
    )  # fmt: skip
    codec = diffusers.AutoencoderKLAllegro(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
    )
    return diffusers.AllegroPipeline(
        tokenizer=tokenizer(), text_encoder=t5(), vae=codec, transformer=random(network),
        scheduler=diffusers.EulerDiscreteScheduler(timestep_spacing="trailing"),
    )  # fmt: skip


PIPELINES: dict[str, Callable[[], Any]] = {
    function.__name__: function
    for function in (
        wan, wan_dpm, wan_two_experts, wan_frame_times, wan_image, wan_image_without_clip,
        wan_image_two_experts, wan_image_frame_times, wan_vace, sky_reels, ltx, cogvideox,
        cogvideox_rope, cogvideox_1_5, cogvideox_image, cogvideox_control, svd, hunyuan, mochi,
        animatediff, modelscope, latte, allegro,
    )
}  # fmt: skip
PIPELINES["sky_reels_one_time"] = lambda: sky_reels("SkyReelsV2Pipeline")
PIPELINES["ltx_image"] = lambda: ltx("LTXImageToVideoPipeline")


@cache
def built(name: str) -> Any:
    """Return the pipeline of that name, made once."""
    torch.manual_seed(0)
    pipe = PIPELINES[name]()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def latent_channels(pipe: Any) -> int:
    """How many numbers one latent of a pipeline has."""
    return pipe.vae.config.get("z_dim") or pipe.vae.config.latent_channels
