"""Whole systems: text encoder, denoiser and codec as one thing that turns prompts into videos."""

from kinema.video.generation import STRATEGIES, Generation, strategy_named
from kinema.video.long import LongVideo, generate_long
from kinema.video.pipeline import Output, VideoPipeline
from kinema.video.request import Request
from kinema.video.settling import settle
from kinema.video.system import CODECS, TEXT_ENCODERS, System

__all__ = [
    "CODECS",
    "STRATEGIES",
    "TEXT_ENCODERS",
    "Generation",
    "LongVideo",
    "Output",
    "Request",
    "System",
    "VideoPipeline",
    "generate_long",
    "settle",
    "strategy_named",
]
