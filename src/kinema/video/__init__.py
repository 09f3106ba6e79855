"""Whole systems: text encoder, denoiser and codec as one thing that turns prompts into videos."""

from kinema.video.long import STRATEGIES, LongVideo, generate_long, strategy_named
from kinema.video.output import Output
from kinema.video.pipeline import VideoPipeline
from kinema.video.request import Request
from kinema.video.system import CODECS, TEXT_ENCODERS, System

__all__ = [
    "CODECS",
    "STRATEGIES",
    "TEXT_ENCODERS",
    "LongVideo",
    "Output",
    "Request",
    "System",
    "VideoPipeline",
    "generate_long",
    "strategy_named",
]
