"""A video to a file, written as it is made: memory does not grow with the length.

A killed run is taken up where it was, and its file is bit for bit that of a run that was not
killed, on the same machine with as many threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinema import clips
from kinema.blocks.precision import computing_in
from kinema.errors import UserError
from kinema.sampling.rollout import Strategy
from kinema.storage import locked_file
from kinema.video.checkpoint import RolloutCheckpoint
from kinema.video.generation import Generation
from kinema.video.pipeline import VideoPipeline, provenance, steps_of
from kinema.video.request import Request
from kinema.video.settling import PEEK, settle, warn_of_cut


@dataclass
class LongVideo:
    """A long video on disk."""

    path: Path  # the file
    num_frames: int  # in it
    joins: list[int]  # the frames at which the strategy begins something new


@torch.no_grad()
def generate_long(
    pipe: VideoPipeline,
    prompt: str,
    strategy: Strategy | str | None,
    output: str | Path,
    **options: Any,
) -> LongVideo:
    """Make a video of any length, and write it as it is made.

    Args:
        pipe: a system.
        prompt: what to show, or a story: "0: ...; 120: ..."; for a system without text, "".
        strategy: how windows become a video, such as `Sliding(window=9, overlap=3)`, counted in
            latent frames, or its name; None takes the default.
        output: .mp4 or .mkv. Beside it stands `output.part` until it is finished, from which a
            run that was killed goes on.
        **options: fields of `Request`, among them num_frames, seed, size, num_steps,
            guidance_scale, image and continue_from; not num_videos and output_type.

    Raises:
        UserError: for a wrong option, prompt, picture or file, or the unfinished video of another
            request at the same place.
    """
    path = clips.check_stream_target(output)
    request = Request.of(prompt, {**options, "strategy": strategy})
    if not isinstance(prompt, str) or request.num_videos != 1:
        raise UserError("A long video is made alone: ask for one at a time, with its own seed.")
    if request.output_type != "np":
        raise UserError("A long video is written to a file: leave output_type out.")
    with locked_file(path), computing_in(pipe.precision, pipe.device.type):
        return written(settle(request, pipe, pipe.generation), prompt, request, path)


def written(generation: Generation, prompt: str, request: Request, path: Path) -> LongVideo:
    """Write a video as it is made, from where an earlier process left it."""
    record = provenance(prompt, generation.seeds[0], generation.record(), generation.joins())
    checkpoint = RolloutCheckpoint(path.with_name(path.name + ".part"), record["settings"])
    made = 0 if checkpoint.state is None else checkpoint.state.made
    calls_left = ceil(generation.calls() * (1 - made / generation.latent_shape[1]))
    frames = frames_of(generation, checkpoint)
    if request.image is not None:
        frames = checked_for_cut(frames)
    size, fps = generation.size, generation.fps
    with steps_of(generation.pipe.denoiser, calls_left, request.progress):
        footage = clips.Footage(frames, generation.total, size, fps, prompt, record)
        clips.write_stream(footage, path)
    checkpoint.remove()
    return LongVideo(path, generation.total, record["joins"])


def frames_of(generation: Generation, checkpoint: RolloutCheckpoint) -> Iterator[np.ndarray]:
    """Yield the frames of the file, uint8 (h w 3): the clip that is continued, then new ones."""
    yield from generation.kept()
    latents, codec = latents_of(generation, checkpoint), generation.pipe.codec
    decoded = decoded_frames(codec, latents, generation.num_decoded, generation.size)
    yield from islice(decoded, generation.num_skipped, None)


def latents_of(generation: Generation, checkpoint: RolloutCheckpoint) -> Iterator[Tensor]:
    """Yield the latents, b c f h w each: those of an interrupted run, then new ones."""
    for latents in checkpoint.latents_so_far():
        yield latents.to(generation.pipe.device)
    for segment in generation.segments(checkpoint.state):
        checkpoint.append(segment)
        if segment.frames is not None:
            yield segment.frames


def decoded_frames(
    codec: Any, latents: Iterator[Tensor], num_frames: int, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Decode the latents of one video as they come: uint8 (h w 3).

    Raises:
        UserError: for a codec that couples frames and cannot decode a stream.
    """
    if hasattr(codec, "decode_stream"):
        chunks = codec.decode_stream(latents, num_frames, size)
    elif codec.factors[0] == 1:
        chunks = (codec.decode(chunk, None, size) for chunk in latents)
    else:
        raise UserError(f"A {type(codec).__name__} cannot decode a long video piece by piece.")
    return chain.from_iterable(clips.to_frames(chunk[0]) for chunk in chunks)


def checked_for_cut(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the frames of a video that starts from a picture, and tell if it cuts away from it."""
    first = list(islice(frames, PEEK))
    warn_of_cut(np.stack(first))
    yield from chain(first, frames)
