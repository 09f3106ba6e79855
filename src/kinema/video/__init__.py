"""Whole systems: text encoder, denoiser and codec as one thing that turns prompts into videos."""

from kinema.video.output import Output
from kinema.video.pipeline import VideoPipeline
from kinema.video.request import Request
from kinema.video.system import CODECS, TEXT_ENCODERS, System

__all__ = ["CODECS", "TEXT_ENCODERS", "Output", "Request", "System", "VideoPipeline"]
