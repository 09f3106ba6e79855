"""Whole systems: text encoder, denoiser and codec as one thing that turns prompts into videos."""

from kinema.video.generation import Generation
from kinema.video.long import LongVideo, generate_long
from kinema.video.output import Output
from kinema.video.pipeline import VideoPipeline
from kinema.video.request import Request
from kinema.video.settling import settle
from kinema.video.strategies import STRATEGIES, strategy_named
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
