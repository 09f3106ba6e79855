"""Temporal attention maps of a trained network, against the true track of a subject.

Each layer and head is scored: of the attention that the subject's token gives to another frame, how
much falls on the token that shows the subject there, divided by what uniform attention would give.
A network that was never trained is the floor. Pairs in which both are one token do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn

import kinema
from kinema.blocks.transformer import SelfAttention
from kinema.clips import to_tensor
from kinema.conditions import Conditions
from kinema.denoisers import DiT
from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.fields import Between, Name, Seed, Several, Side, check_fields
from kinema.probes.attention.scenes import crossings, track_of_tokens
from kinema.worlds import WorldClip


@dataclass(frozen=True)
class AttentionProbe:
    """Measure whether attention follows a moving subject along its track or stays where it was."""

    model: Name = "tabletop"  # a system that ships, a folder, or a repository of the hub
    num_clips: Several = 32  # scenes with one subject that crosses the picture at constant velocity
    size: Side = 64  # height and width of the clips, in pixels
    # the noise level of the clips that the network sees, above 0 and at most 1
    noise: Annotated[float, Between(0, 1, above=True)] = 0.5
    seed: Seed = 0  # of the scenes and of the noise
    report: Name | None = None  # a Markdown file to write, with a picture .png of the same name

    def __post_init__(self) -> None:
        check_fields(self, "--")


@dataclass
class SubjectAttention:
    """The attention of the subject's tokens in one clip, by l layers and k heads."""

    # (l k f f h w): layer, head, the subject's token in frame i, what frame j gets from it; sums to
    # one over j, h and w
    maps: np.ndarray
    places: np.ndarray  # (f 2) int, row and column of the subject's token in every frame

    def over_uniform(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return attention over uniform, (l k f f), to the true and the old place; what counts.

        A pair of frames counts if the subject has moved to another token, and frame j is seen.
        """
        f, (h, w) = len(self.places), self.maps.shape[-2:]
        given = self.maps.sum((-1, -2))  # l k f f, to each frame
        shares = self.maps / np.maximum(given, 1e-12)[..., None, None]
        row, column = self.places.T
        i, j = np.arange(f)[:, None], np.arange(f)
        true = shares[..., i, j, row[None], column[None]] * h * w
        old = shares[..., i, j, row[:, None], column[:, None]] * h * w
        moved = (self.places[:, None] != self.places[None]).any(-1)
        return true, old, moved & (given > 0).all((0, 1))

    def figures(self) -> dict[str, np.ndarray]:
        """Return what `AttentionFindings` holds of each clip, by name."""
        true, old, counted = self.over_uniform()
        f = len(self.places)
        lag = abs(np.arange(f)[:, None] - np.arange(f))
        own = self.maps.sum((-1, -2))[..., np.arange(f), np.arange(f)]
        return {
            "on_track": mean_of(true[..., counted]),
            "old_place": mean_of(old[..., counted]),
            "to_other_frames": 1 - own.mean(-1),
            "by_lag": np.array(
                [mean_of(true.mean((0, 1))[counted & (lag == n)]) for n in range(1, f)]
            ),
        }


def mean_of(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis; NaN if there is nothing."""
    return values.mean(-1) if values.shape[-1] else np.full(values.shape[:-1], np.nan)


@dataclass
class AttentionFindings:
    """All that the probe found, for n clips, l layers and k heads."""

    probe: AttentionProbe
    on_track: np.ndarray  # (n l k) attention to the true place in other frames, over uniform
    old_place: np.ndarray  # (n l k) the same for the place where the subject is in its own frame
    untrained: np.ndarray  # (n l k) `on_track` of a network that was never trained
    to_other_frames: np.ndarray  # (n l k) share of all attention that goes to other frames
    # (n f - 1) `on_track` by distance in frames, over layers and heads; NaN where no pair counts
    by_lag: np.ndarray
    clips: list[WorldClip]  # what was seen
    attentions: list[SubjectAttention]


@torch.inference_mode()
def measure_attention(probe: AttentionProbe, pipe: Any | None = None) -> AttentionFindings:
    """Look into the network of `pipe`, or of `probe.model`, while it denoises true clips.

    Raises:
        UserError: if its denoiser is no DiT that sees space and time at once.
    """
    pipe = kinema.load(probe.model) if pipe is None else pipe
    check(pipe.denoiser)
    untrained = never_trained(pipe.denoiser, probe.seed)
    scenes = crossings(pipe.system.num_frames, probe.size, pipe.system.fps, probe.seed)
    clips = list(islice(scenes, probe.num_clips))
    attentions, rows = [], []
    for seed, clip in enumerate(track(clips, "Looking into the network"), probe.seed):
        attention, floor = (
            attend(pipe, network, clip, probe.noise, seed) for network in (pipe.denoiser, untrained)
        )
        attentions.append(attention)
        rows.append({**attention.figures(), "untrained": floor.figures()["on_track"]})
    stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return AttentionFindings(probe, clips=clips, attentions=attentions, **stacked)


def check(denoiser: nn.Module) -> None:
    """Raise a UserError unless all tokens of a clip see each other in one attention."""
    if not isinstance(denoiser, DiT) or denoiser.config.attention.pattern(0) == "space":
        raise UserError(
            f"The probe reads the spacetime attention of a DiT; this model has a "
            f"{type(denoiser).__name__} without one."
        )


def never_trained(denoiser: DiT, seed: int) -> DiT:
    """Return a new network of the same kind; what starts at zero is random too."""
    torch.manual_seed(seed)
    network = DiT(denoiser.config)
    for module in network.modules():
        if isinstance(module, nn.Linear) and not module.weight.any():
            module.reset_parameters()
    return network.to(next(denoiser.parameters())).eval()


def attend(
    pipe: Any, denoiser: DiT, clip: WorldClip, noise_level: float, seed: int
) -> SubjectAttention:
    """Return the attention of the subject's tokens while `denoiser` sees a noisy clip."""
    assert clip.truth is not None
    latents = pipe.codec.encode(to_tensor(clip.frames)[None].to(pipe.device))
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    t = torch.full((1, latents.shape[2]), noise_level, device=latents.device)
    path, level = PATHS[pipe.system.path], t[:, None, :, None, None]
    x = path.alpha(level) * latents + path.sigma(level) * noise
    conditions = Conditions(text=pipe.text([clip.caption])) if pipe.text is not None else None
    r, p = pipe.codec.factors[0], denoiser.config.patch
    token = np.array(pipe.codec.factors[1:]) * p[1:]  # rows and columns of pixels
    grid = [-(-n // q) for n, q in zip(latents.shape[2:], p, strict=True)]
    pixels = track_of_tokens(clip.truth.tracks["pixels"][0], grid[0], r * p[0])
    places = np.clip(((pixels[:, ::-1] + 0.5) // token).astype(int), 0, np.array(grid[1:]) - 1)
    maps = attention_of(denoiser, grid, places, (x, t, conditions))
    return SubjectAttention(maps.float().cpu().numpy(), places)


def attention_of(
    denoiser: DiT, grid: Sequence[int], places: np.ndarray, inputs: tuple[Any, ...]
) -> Tensor:
    """Return attention maps (l k f f h w) of one token a frame, in a pass of a batch of one."""
    f, h, w = grid
    rows, columns = torch.from_numpy(places).unbind(1)
    queries = torch.arange(f) * h * w + rows * w + columns
    maps: list[Tensor] = []

    def keep(module: SelfAttention, arguments: tuple[Any, ...]) -> None:
        tokens, angles = arguments[:2]
        q, k, _ = (y[0].flatten(1, 2) for y in module.heads(tokens, angles))  # k (f n) d
        scores = q[:, queries] @ k.mT * q.shape[-1] ** -0.5
        frames = np.arange(f)
        hidden = torch.from_numpy(~module.spec.sees(frames[:, None], frames))
        hidden = hidden.repeat_interleave(h * w, 1).to(scores.device)
        weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        maps.append(weights.unflatten(-1, (f, h, w)))

    layers = [block.attention for block in denoiser.blocks]  # a mixer may have attention too
    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        denoiser(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(maps)
