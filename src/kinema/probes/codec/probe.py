"""What a codec does to clips, beside other codecs and baselines that spend as many values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from rich.progress import track

from kinema import clips, interop
from kinema.codecs import Codec, Pixels
from kinema.errors import UserError
from kinema.fields import Between, Count, Name, TabletopLevel, check_fields
from kinema.probes.codec.baselines import BASELINES, BLOCKS, Coding, through, values_of
from kinema.probes.codec.scores import CodecScores, Seams, motion_of
from kinema.probes.unseen import tabletop_clips, unseen
from kinema.video.system import SYSTEM_FILE, find_codec, read_system
from kinema.worlds import Rendering

NUM_SHOWN = 4  # clips on the contact sheet


@dataclass(frozen=True)
class CodecProbe:
    """Measure what coding does to clips, beside baselines that keep as many values."""

    # videos, cut into clips of `num_frames`; without any, unseen tabletop clips
    files: Sequence[str] = ()
    # a system that ships, or a folder or repository of the hub: of a system, of a codec, of a
    # pipeline or an autoencoder of diffusers
    model: Name = "tabletop"
    against: tuple[str, ...] = ()  # further models, whose codecs are measured beside it
    num_clips: Count = 64  # at most this many
    num_frames: Count = 33  # frames of a clip
    # height and width of tabletop clips, or the shorter side of clips from files, in pixels
    size: Annotated[int, Between(11, 16_384)] = 64
    level: TabletopLevel = 2  # of the tabletop world, 1 to 4
    # a Markdown file to write, with .json and a contact sheet .png beside it
    report: Name | None = None

    def __post_init__(self) -> None:
        check_fields(self, "--")


@dataclass(frozen=True)
class CodecFindings:
    """What coding did to clips."""

    probe: CodecProbe  # what was measured
    source: str  # of the clips, in words
    scores: dict[str, CodecScores]  # coding -> its scores
    seams: dict[str, Seams]  # coding -> its error in time; of those codings that are drawn
    shown: list[np.ndarray]  # clips, uint8 (f h w 3), true and coded in turn
    period: int  # frames that a latent frame stands for


def measure_codec(probe: CodecProbe) -> CodecFindings:
    """Load the codecs, code the clips in every way, and score them."""
    codec, others = load_codec(probe.model), {name: load_codec(name) for name in probe.against}
    if probe.files:
        source, frames = ", ".join(probe.files), clips_of_files(probe)
    else:
        source = f"unseen tabletop clips of level {probe.level}, held-out combinations"
        rendering = Rendering(probe.num_frames, probe.size, probe.level, "held_out")
        rendered = tabletop_clips(unseen(probe.num_clips), rendering, "Rendering unseen clips")
        frames = [clip.frames for clip in rendered]
    scores, coded = score_codings(codec, frames, others)
    seams = {name: Seams.of(frames, coded[name]) for name in ("codec", *others, BLOCKS)}
    pairs = list(zip(frames, coded["codec"], strict=True))[:NUM_SHOWN]
    shown = [clip for pair in pairs for clip in pair]
    return CodecFindings(probe, source, scores, seams, shown, codec.factors[0])


def score_codings(
    codec: Codec, frames: Sequence[np.ndarray], others: Mapping[str, Codec] | None = None
) -> tuple[dict[str, CodecScores], dict[str, list[np.ndarray]]]:
    """Code every clip, uint8 (f h w 3) of at least 11 x 11 pixels, in every way.

    Returns:
        name -> scores, and name -> the clips as they came back: the codec first, then the others,
        each with as many values as its latents hold, then the baselines, with as many as the codec.
    """
    if not len(frames):
        raise UserError("There are no clips to code: give at least one.")
    trained = {"codec": codec, **(others or {})}
    codings: dict[str, Coding] = {name: through(one) for name, one in trained.items()} | BASELINES
    scores = {name: CodecScores() for name in codings}
    coded: dict[str, list[np.ndarray]] = {name: [] for name in codings}
    for clip in track(frames, "Coding clips"):
        flow = motion_of(clip)
        for name, coding in codings.items():
            kept = values_of(trained.get(name, codec), clip)
            back = coding(clip, kept)
            coded[name].append(back)
            scores[name].add(clip, back, flow, codec.factors[0])
            spent = clip.size if name == "identity" else kept
            scores[name].values += clip.size / spent / len(frames)
    return scores, coded


# The clips and the codec -------------------------------------------------------------------------


def load_codec(model: str) -> Codec:
    """Load the codec of a system, or one by itself, ours or one of diffusers."""
    if (Path(model) / SYSTEM_FILE).is_file() and read_system(Path(model)).codec == "pixels":
        return Pixels()
    return interop.load_codec(find_codec(model))


def clips_of_files(probe: CodecProbe) -> list[np.ndarray]:
    """Cut videos into clips, shrunk to the shorter side; a short rest is a clip too."""
    found: list[np.ndarray] = []
    for file in probe.files:
        height, width = clips.inspect(file).height, clips.inspect(file).width
        scale = probe.size / min(height, width)
        size = (round(height * scale), round(width * scale))
        for clip in in_pieces(clips.stream(file, size=size), probe.num_frames):
            if len(found) == probe.num_clips:
                return found
            found.append(clip)
    return found


def in_pieces(frames: Iterator[np.ndarray], num_frames: int) -> Iterator[np.ndarray]:
    """Yield frames (h w 3) as clips (f h w 3) of `num_frames`, the last as long as the rest."""
    piece: list[np.ndarray] = []
    for frame in frames:
        piece.append(frame)
        if len(piece) == num_frames:
            yield np.stack(piece)
            piece = []
    if piece:
        yield np.stack(piece)
