"""Recipes: a run is a Python function that returns a filled dataclass with `.train()`.

Each says its command, what it costs in clips and FLOPs (forward and backward of the network, the
same on every machine), and what it is expected to reach.
"""

from kinema.recipes.own_clips import codec, image_to_video, text_to_video
from kinema.recipes.physics import (
    physics_box,
    physics_codec,
    physics_collision,
    physics_curtain,
    physics_parabola,
    physics_uniform,
)
from kinema.recipes.tabletop import (
    tabletop,
    tabletop_codec,
    tabletop_codec_8,
    tabletop_codec_per_frame,
    tabletop_codec_temporal_decoder,
    tabletop_long,
)

RECIPES = {
    "tabletop": tabletop,
    "tabletop-long": tabletop_long,
    "tabletop-codec": tabletop_codec,
    "tabletop-codec-8": tabletop_codec_8,
    "tabletop-codec-per-frame": tabletop_codec_per_frame,
    "tabletop-codec-temporal-decoder": tabletop_codec_temporal_decoder,
    "codec": codec,
    "text-to-video": text_to_video,
    "image-to-video": image_to_video,
    "physics-uniform": physics_uniform,
    "physics-parabola": physics_parabola,
    "physics-collision": physics_collision,
    "physics-box": physics_box,
    "physics-curtain": physics_curtain,
    "physics-codec": physics_codec,
}

__all__ = [
    "RECIPES",
    "codec",
    "image_to_video",
    "physics_box",
    "physics_codec",
    "physics_collision",
    "physics_curtain",
    "physics_parabola",
    "physics_uniform",
    "tabletop",
    "tabletop_codec",
    "tabletop_codec_8",
    "tabletop_codec_per_frame",
    "tabletop_codec_temporal_decoder",
    "tabletop_long",
    "text_to_video",
]
