"""`kinema probe codec`: what does coding do to a clip, and is it worth more than plain arithmetic?

Clips go through the codec and back. Beside it stand other codecs, if any are named, and baselines
that need no training and spend the same number of values: cosines, plain shrinking, and the
identity, which spends them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from kinema import clips, interop
from kinema.codecs import Codec, Pixels
from kinema.errors import UserError
from kinema.probes.codec import page as codec_page
from kinema.probes.codec.baselines import BASELINES, BLOCKS, Coding, through, values_of
from kinema.probes.codec.scores import CodecScores, Seams, motion_of
from kinema.video.system import SYSTEM_FILE, find_codec, read_system
from kinema.worlds import tabletop

FIRST_SEED = 2_000_000_000  # scenes that no training run draws


def run(
    files: Sequence[str] = (),
    model: str = "tabletop",
    against: tuple[str, ...] = (),
    num_clips: int = 64,
    num_frames: int = 33,
    size: int = 64,
    level: int = 2,
    report: str | None = None,
) -> None:
    """What coding does to clips, beside baselines that spend as many values.

    Args:
        files: videos, cut into clips of `num_frames`; without any, unseen tabletop clips.
        model: a system that ships, or a folder or repository of the hub: of a system, of a codec,
            of a pipeline or an autoencoder of diffusers.
        against: further models whose codecs stand beside it, such as baselines.
        num_clips: at most this many.
        num_frames: length of a clip.
        size: height and width of tabletop clips; the shorter side of those from files.
        level: of the tabletop world, 1 to 4.
        report: a Markdown file to write, with .json and a contact sheet .png beside it.

    Raises:
        UserError: for a model or a file that cannot be read, or numbers that make no sense.
    """
    if min(num_clips, num_frames) < 1 or size < 11:
        raise UserError(
            f"--num-clips {num_clips}, --num-frames {num_frames} and --size {size} must be at "
            "least 1, 1 and 11."
        )
    codec, others = load_codec(model), {name: load_codec(name) for name in against}
    if files:
        source, frames = ", ".join(files), clips_of_files(files, num_clips, num_frames, size)
    else:
        source = f"unseen tabletop clips of level {level}, held-out combinations"
        frames = tabletop_clips(num_clips, num_frames, size, level)
    scores, coded = probe_codec(codec, frames, others)
    codec_page.print_table(scores, source)
    if report:
        seams = {name: Seams.of(frames, coded[name]) for name in ("codec", *others, BLOCKS)}
        shown = list(zip(frames, coded["codec"], strict=True))[:4]
        period = codec.factors[0]
        for path in codec_page.write(shown, scores, seams, period, source, Path(report)):
            print(f"wrote {path}")


def probe_codec(
    codec: Codec, frames: Sequence[np.ndarray], others: Mapping[str, Codec] | None = None
) -> tuple[dict[str, CodecScores], dict[str, list[np.ndarray]]]:
    """Code every clip in every way.

    Args:
        codec: frames <-> latents.
        frames: clips, each uint8 (f h w 3), at least 11 x 11 pixels; sizes and lengths may differ.
        others: codecs to stand beside it, by name; each keeps as many values as its latents hold.

    Returns:
        name -> scores, and name -> the clips as they came back; the codec first, then the others,
        then the baselines, which keep as many values as the codec.
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
    """The codec of a system, or one by itself, ours or one of diffusers."""
    if (Path(model) / SYSTEM_FILE).is_file() and read_system(Path(model)).codec == "pixels":
        return Pixels()
    return interop.load_codec(find_codec(model))


def tabletop_clips(num_clips: int, num_frames: int, size: int, level: int) -> list[np.ndarray]:
    """Scenes that no training draws, with combinations of attributes that none holds."""
    seeds = range(FIRST_SEED, FIRST_SEED + num_clips)
    return [
        tabletop.render([seed], num_frames, size, level, "held_out")[0].frames
        for seed in track(seeds, "Rendering unseen clips")
    ]


def clips_of_files(
    files: Sequence[str], num_clips: int, num_frames: int, side: int
) -> list[np.ndarray]:
    """Cut videos into clips, shrunk to a shorter side of `side`; a short rest is a clip too."""
    found: list[np.ndarray] = []
    for file in files:
        height, width = clips.inspect(file).height, clips.inspect(file).width
        scale = side / min(height, width)
        size = (round(height * scale), round(width * scale))
        for clip in in_pieces(clips.stream(file, size=size), num_frames):
            if len(found) == num_clips:
                return found
            found.append(clip)
    return found


def in_pieces(frames: Iterator[np.ndarray], num_frames: int) -> Iterator[np.ndarray]:
    piece: list[np.ndarray] = []
    for frame in frames:
        piece.append(frame)
        if len(piece) == num_frames:
            yield np.stack(piece)
            piece = []
    if piece:
        yield np.stack(piece)
