"""Long video: a strategy makes latents, which are decoded, written and forgotten as they end.

Memory does not grow with the length. A killed run is taken up where it was, and its file is bit for
bit that of a run that was not killed, on the same machine with as many threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinema import clips
from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.sampling import SOLVERS, plans
from kinema.sampling.rollout import (
    Autoregressive,
    Blend,
    FrameNoise,
    Keyframes,
    Rolling,
    Schedule,
    Sliding,
    Splice,
    Strategy,
    Walk,
    crossfade,
)
from kinema.video.journal import Journal
from kinema.video.opening import Opening, open_with
from kinema.video.pipeline import VideoPipeline
from kinema.video.progress import step_bar
from kinema.video.request import Request, Settings, settle
from kinema.video.story import parse_story, warn_of_late_parts


def autoregressive(window: int, overlap: int) -> Autoregressive:
    """Chunks as long as the overlap, but no longer than those of a sliding window.

    They see the rest of a window: a sink and the latest frames.
    """
    chunk = min(overlap, max(window - overlap, 1))
    return Autoregressive(chunk, context=max(window - chunk - 1, 1), sinks=1)


# By name, for a window and an overlap in latent frames. Blended windows share half.
STRATEGIES: dict[str, Callable[[int, int], Strategy]] = {
    "sliding": lambda window, overlap: Sliding(window, overlap),
    "crossfade": crossfade,
    "splice": lambda window, overlap: Splice(min(8, window), min(2, overlap)),
    "rolling": lambda window, overlap: Rolling(window, history=overlap),
    "autoregressive": autoregressive,
    "keyframes": lambda window, overlap: Keyframes(
        Sliding(window, overlap), stride=max((window - 1) // 2, 1), window=window
    ),
    "blend": lambda window, overlap: Blend(window, window // 2),
}


def strategy_named(name: str, pipe: VideoPipeline, overlap_noise: float = 0.0) -> Strategy:
    """A strategy with the window and the overlap that a system was trained for.

    With a causal denoiser that can forget, "autoregressive" keeps keys and values of the past.

    Args:
        name: a key of STRATEGIES.
        pipe: the system.
        overlap_noise: noise in [0, 1) under which frames are shown again (GameNGen, 2024).

    Raises:
        UserError: if there is no strategy of that name, or none that shows frames under noise.
    """
    if name not in STRATEGIES:
        raise UserError(f"There is no strategy {name!r}; choose from {', '.join(STRATEGIES)}.")
    system, codec = pipe.system, pipe.codec
    window = codec.latent_shape(system.num_frames, *system.size)[1]
    overlap = codec.latent_shape(system.overlap, *system.size)[1]
    strategy = STRATEGIES[name](window, min(overlap, max(window - 1, 1)))
    if overlap_noise:
        strategy = noised(strategy, name, overlap_noise)
    return cached(strategy, pipe.denoiser) if isinstance(strategy, Autoregressive) else strategy


def noised(strategy: Strategy, name: str, level: float) -> Strategy:
    """The strategy with `level` noise on the frames that it shows again."""
    if not isinstance(strategy, Sliding | Autoregressive):
        raise UserError(
            f"{name} does not show its frames again under noise: leave --overlap-noise out, or "
            "take --long sliding, crossfade, splice or autoregressive."
        )
    return replace(strategy, level=level)


def cached(strategy: Autoregressive, denoiser: Any) -> Autoregressive:
    """The strategy with a cache, if the denoiser can have one that forgets.

    Its chunks and what they see are rounded up to what the cache takes at once.
    """
    if not (getattr(denoiser, "is_causal", False) and getattr(denoiser, "can_forget", True)):
        return strategy
    multiple, seen = getattr(denoiser, "chunk", 1), strategy.sinks + strategy.context
    chunk, seen = (ceil(size / multiple) * multiple for size in (strategy.chunk, seen))
    return replace(strategy, chunk=chunk, context=seen - strategy.sinks, cached=True)


@dataclass
class LongVideo:
    """A long video on disk.

    Attributes:
        path: the file.
        num_frames: in it.
        joins: the frames at which the strategy begins something new.
    """

    path: Path
    num_frames: int
    joins: list[int]


@torch.no_grad()
def generate_long(
    pipe: VideoPipeline,
    prompt: str,
    strategy: Strategy,
    output: str | Path,
    **options: Any,
) -> LongVideo:
    """Make a video of any length, and write it as it is made.

    Args:
        pipe: a system.
        prompt: what to show, or a story: "0: ...; 120: ..."; for a system without text, "".
        strategy: how windows become a video, such as `Sliding(window=9, overlap=3)`; counted in
            latent frames.
        output: .mp4 or .mkv. Beside it stands `output.part` until it is finished, from which a
            run that was killed goes on.
        **options: fields of `Request`, among them num_frames, seed, size, num_steps,
            guidance_scale, image and continue_from; not num_videos and callback_on_step_end.

    Raises:
        UserError: for a wrong option, prompt, picture or file, or the unfinished video of another
            request at the same place.
    """
    path = clips.check_stream_target(output)
    story = parse_story(prompt)
    request = Request.of([text for _, text in story], options)
    if request.num_videos != 1:
        raise UserError("A long video is made alone: ask for one at a time, with its own seed.")
    if request.callback_on_step_end is not None:
        raise UserError(
            "The windows of a long video do not step together: leave callback_on_step_end out."
        )
    texts = request.prompts(pipe.system)
    pipe.warn_of_unknown_words([*texts, request.negative_prompt])
    settings = settle(request, pipe.system, pipe.multiple)
    opening = open_with(request, settings, pipe.system.fps, pipe.system.overlap)
    job = Job(pipe, story, strategy, settings, request.seeds(1)[0], opening)
    warn_of_late_parts(story, job.num_frames)
    journal = Journal(path.with_name(path.name + ".part"), job.record(request))
    with step_bar(job.calls_left(journal), shown=request.progress) as advance:
        watch = pipe.denoiser.register_forward_hook(lambda *_: advance())
        try:
            footage = clips.Footage(
                job.frames(journal), job.num_frames, settings.size, settings.fps, prompt,
                {"prompt": prompt, "seed": job.seed, "settings": job.record(request),
                 "joins": job.joins()},
            )  # fmt: skip
            clips.write_stream(footage, path)
        finally:
            watch.remove()
    journal.remove()
    return LongVideo(path, job.num_frames, job.joins())


@dataclass
class Job:
    """One long video to be made."""

    pipe: VideoPipeline
    story: list[tuple[int, str]]
    strategy: Strategy
    settings: Settings
    seed: int
    opening: Opening

    def __post_init__(self) -> None:
        self.given: Tensor | None = None
        self.num_seen = 0  # frames of the opening that are encoded, from its end
        if self.opening.frames is not None:
            self.num_seen = self.pipe.usable(len(self.opening.frames))
            frames = clips.to_tensor(self.opening.frames[-self.num_seen :])
            self.given = self.pipe.codec.encode(frames[None].to(self.pipe.device))
            self.check_chunks(self.given.shape[2])
        kept = self.opening.is_kept
        made = self.settings.num_frames + (self.num_seen if kept else 0)
        shape = self.pipe.codec.latent_shape(made, *self.settings.size)
        self.num_decoded, self.latent_shape = made, shape  # frames; c f h w

    @property
    def num_frames(self) -> int:
        """Frames of the file; a clip that is continued stands in it whole."""
        kept = self.opening.num_frames if self.opening.is_kept else 0
        return kept + self.settings.num_frames

    @property
    def shift(self) -> int:
        """Frames of the file before the first that is decoded."""
        return self.num_frames - self.num_decoded

    def check_chunks(self, num_given: int) -> None:
        """Raise a UserError if the given latents end within a chunk of a cached denoiser."""
        chunk = getattr(self.pipe.denoiser, "chunk", 1)
        is_cached = isinstance(self.strategy, Autoregressive) and self.strategy.cached
        if is_cached and num_given % chunk:
            raise UserError(
                f"This model caches {chunk} latent frames at a time, and the picture or clip to "
                f"start from fills {num_given}: choose another strategy, such as sliding."
            )

    def joins(self) -> list[int]:
        """Frames of the file at which the strategy begins something new."""
        factor, num_given = self.pipe.codec.factors[0], 0
        if self.given is not None:
            num_given = self.given.shape[2]
        latents = self.strategy.joins(self.latent_shape[1], num_given)
        return [self.shift + factor * (latent - 1) + 1 for latent in latents]

    def calls_left(self, journal: Journal) -> int:
        """About how often the network will be asked from here on."""
        calls = self.strategy.calls(self.latent_shape[1], self.settings.num_steps)
        made = 0 if journal.state is None else journal.state.made
        return ceil(sum(calls.values()) * (1 - made / self.latent_shape[1]))

    def record(self, request: Request) -> dict[str, Any]:
        """Everything that the frames depend on beside prompt and seed, as JSON values."""
        given = "" if self.given is None else digest([self.given])
        return {
            "model": self.pipe.name,
            "weights": digest(self.pipe.state_dict().values()),  # of every part
            "system": asdict(self.pipe.system),
            "strategy": repr(self.strategy),
            **asdict(self.settings),
            **request.sources(),
            "story": [list(part) for part in self.story],
            "first_seed": self.seed,
            "given": given,
        }

    def walk(self) -> Walk:
        """How the strategy makes latents of this system."""
        system, factor = self.pipe.system, self.pipe.codec.factors[0]
        c, f, h, w = self.latent_shape
        window = self.pipe.codec.latent_shape(system.num_frames, *system.size)[1]
        parts = [
            (
                ceil(max(frame - self.shift, 0) / factor),
                self.pipe.denoise_for([text], self.settings),
            )
            for frame, text in self.story
        ]
        return Walk(
            Schedule(tuple(dict(parts).items())),
            FrameNoise(
                [self.seed], (c, h, w), min(window, f), like=torch.empty(0, device=self.pipe.device)
            ),
            plans.times(self.settings.num_steps, system.shift),
            SOLVERS[system.solver],
            PATHS[system.path],
            self.given,
        )

    def latents(self, journal: Journal) -> Iterator[Tensor]:
        """The latents, b c f h w each: those of an interrupted run, then new ones."""
        for piece in journal.pieces():
            yield piece.to(self.pipe.device)
        for made in self.strategy.rollout(self.walk(), self.latent_shape[1], journal.state):
            journal.append(made)
            if made.frames is not None:
                yield made.frames

    def frames(self, journal: Journal) -> Iterator[np.ndarray]:
        """The frames of the file, uint8 (h w 3): the clip that is continued, then new ones."""
        yield from self.opening.stream()
        skipped = self.num_seen if self.opening.is_kept else 0
        latents, size = self.latents(journal), self.settings.size
        decoded = decoded_frames(self.pipe.codec, latents, self.num_decoded, size)
        yield from islice(decoded, skipped, None)


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


def digest(tensors: Any) -> str:
    """A short name for the values of tensors."""
    seen = hashlib.sha256()
    for tensor in tensors:
        seen.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return seen.hexdigest()[:16]
