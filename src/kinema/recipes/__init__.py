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
    tabletop_128,
    tabletop_codec,
    tabletop_codec_8,
    tabletop_codec_per_frame,
    tabletop_codec_temporal_decoder,
    tabletop_decoder,
    tabletop_long,
)

RECIPES = {
    recipe.__name__.replace("_", "-"): recipe
    for recipe in (
        tabletop, tabletop_128, tabletop_decoder, tabletop_long, tabletop_codec, tabletop_codec_8,
        tabletop_codec_per_frame, tabletop_codec_temporal_decoder, codec, text_to_video,
        image_to_video, physics_uniform, physics_parabola, physics_collision, physics_box,
        physics_curtain, physics_codec,
    )
}  # fmt: skip

__all__ = [
    "RECIPES", "codec", "image_to_video", "physics_box", "physics_codec", "physics_collision",
    "physics_curtain", "physics_parabola", "physics_uniform", "tabletop", "tabletop_codec",
    "tabletop_codec_8", "tabletop_codec_per_frame", "tabletop_codec_temporal_decoder",
    "tabletop_128", "tabletop_decoder", "tabletop_long", "text_to_video",
]  # fmt: skip
