"""`kinema probe occlusion`: a subject passes behind another; does it come out as itself?

Scenes are found in which the subject is hidden for about the wanted number of frames. A video
begins with the true frames until it is hidden, and goes on. After the moment at which it comes out
in truth, the judge is asked for the subject's colour and shape; the same question about the true
frames is the ceiling. A strategy whose horizon is shorter than the occlusion has nothing left that
shows the object, save the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from kinema import clips
from kinema.errors import UserError
from kinema.metrics import wilson_interval
from kinema.probes import judge
from kinema.probes.drift import Contenders, Maker, markdown, print_table
from kinema.probes.drift.probe import FIRST_SEED, TRUE
from kinema.probes.drift.worlds import ASKED
from kinema.video import strategy_named
from kinema.worlds import tabletop

MOST_TRIED = 600  # scenes looked at for each length
TOLERANCE = 0.35  # an occlusion counts as of a length within this share of it
EARLIEST = 5  # frames that must be seen before


@dataclass(frozen=True)
class Hidden:
    """A scene in which the subject is hidden from `start` up to `stop` - 1.

    frames: uint8 (f h w 3), the true clip until a segment after `stop`.
    """

    seed: int
    caption: str
    asked: dict[str, str]
    start: int
    stop: int
    frames: np.ndarray


@dataclass
class Survival:
    """How often the object came out as itself.

    Attributes:
        right: videos in which the judge reads its colour and its shape.
        total: videos.
        horizon: frames back that the strategy sees at least; None for the true clips.
    """

    right: int
    total: int
    horizon: int | None = None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.right, self.total)


def run(
    models: Sequence[str] = ("tabletop",),
    strategies: Sequence[str] = ("sliding", "rolling", "autoregressive", "keyframes", "blend"),
    lengths: Sequence[int] = (8, 16, 32),
    num_clips: int = 16,
    num_steps: int | None = None,
    folder: str = "drift",
    report: str | None = None,
) -> None:
    """Whether hidden objects come out again as themselves, by strategy and length.

    Args:
        models: systems, for instance the same one after each stage of training.
        strategies: names, as `kinema generate --long` takes them.
        lengths: of the occlusions, in frames.
        num_clips: videos of each model, strategy and length.
        num_steps: sampling steps; the system's own unless given.
        folder: receives the videos; those that are there already are measured as they are.
        report: a Markdown file to write, with .json beside it.

    Raises:
        UserError: for numbers that make no sense, or models that cannot be read.
    """
    if num_clips < 1 or not lengths or min(lengths) < 1:
        raise UserError("lengths and num_clips must be at least 1.")
    contenders = Contenders(tuple(models), tuple(strategies), num_steps, folder)
    found = measure_survival(contenders, lengths, num_clips)
    rows = survival_table(found)
    print_table("Hidden objects that come out as themselves, %", rows)
    if report:
        command = f"kinema probe occlusion --num_clips {num_clips} --lengths {list(lengths)}"
        page = PAGE.format(command=command.replace(", ", ","), table=markdown(rows))
        clips.write_bytes(report, page.encode())
        figures = {c: {str(k): asdict(one) for k, one in row.items()} for c, row in found.items()}
        data = Path(report).with_suffix(".json")
        clips.write_bytes(data, (json.dumps(figures, indent=1) + "\n").encode())
        print(f"wrote {report}\nwrote {data}")


PAGE = """# Hidden objects

`{command}`

Share of subjects, hidden behind another object for about so many frames, whose colour and shape
the judge reads from the frames after they come out in truth, in %, with 95 % Wilson intervals. The
prompt names the subject. *Sees back*: frames that every new frame sees at least.

{table}
"""


def measure_survival(
    contenders: Contenders, lengths: Sequence[int], num_clips: int
) -> dict[str, dict[int, Survival]]:
    """Column -> length of the occlusion -> survival; lengths without a scene are left out."""
    columns, network = contenders.makers(), judge.load()
    system = next(iter(columns.values())).pipe.system
    found: dict[str, dict[int, Survival]] = {TRUE: {}, **{column: {} for column in columns}}
    for length in lengths:
        scenes = hidden_scenes(length, num_clips, system)
        if not scenes:
            continue
        true = [scene.frames[scene.stop :] for scene in scenes]
        found[TRUE][length] = survived(network, true, scenes, system.fps)
        for column, maker in columns.items():
            jobs = track(scenes, f"{column}: hidden for {length}")
            after = [continued(maker, scene) for scene in jobs]
            found[column][length] = survived(network, after, scenes, system.fps)
            strategy = strategy_named(maker.strategy, maker.pipe)
            found[column][length].horizon = strategy.horizon * maker.pipe.codec.factors[0]
    return found


def continued(maker: Maker, scene: Hidden) -> np.ndarray:
    """A video from where the subject is hidden; its frames, uint8 (f h w 3), from `stop` on."""
    label, more = f"hidden-{scene.seed - FIRST_SEED}", len(scene.frames) - scene.start
    path = maker.video(label, scene.caption, scene.frames[: scene.start], more, scene.seed)
    return np.stack(list(clips.stream(path, start=scene.stop)))


def survived(
    network: Any, after: Sequence[np.ndarray], scenes: Sequence[Hidden], fps: float
) -> Survival:
    """Count the clips, uint8 (f h w 3), in which the judge finds the object that was hidden."""
    read = judge.read(network, after, fps)
    right = [
        all(answers[q] == scene.asked[q] for q in ASKED)
        for answers, scene in zip(read, scenes, strict=True)
    ]
    return Survival(sum(right), len(right))


def hidden_scenes(length: int, count: int, system: Any) -> list[Hidden]:
    """Scenes whose subject is hidden for about `length` frames, at most `count` of them."""
    found: list[Hidden] = []
    for number in range(FIRST_SEED, FIRST_SEED + MOST_TRIED):
        scene = tabletop.sample_scene(number, level=2)
        if scene.attributes["relation"] != "behind":
            continue
        span = occlusion(scene, length, system.fps)
        if span is None:
            continue
        start, stop = span
        frames = tabletop.render(
            [number], stop + system.num_frames, system.size, 2, fps=system.fps
        )[0].frames
        asked = judge.true_answers(scene.attributes)
        found.append(Hidden(number, scene.caption, asked, start, stop, frames))
        if len(found) == count:
            break
    return found


def occlusion(scene: tabletop.Scene, length: int, fps: float) -> tuple[int, int] | None:
    """First frame at which the subject is hidden and first at which it is seen again.

    None unless it is hidden for about `length` frames, after it was seen and before it is again.
    """
    size = (32, 32)  # enough to see who is in front
    frames = EARLIEST + 4 * length
    truth = tabletop.render_scene(scene, frames, size, fps, truth=True, device="cpu").truth
    assert truth is not None
    hidden = truth.tracks["visible"][0] < 0.5
    edges = np.diff(hidden.astype(int), prepend=0, append=0)
    starts, stops = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    for start, stop in zip(starts, stops, strict=True):
        is_about = abs(stop - start - length) <= TOLERANCE * length
        if is_about and start >= EARLIEST and stop < frames:
            return int(start), int(stop)
    return None


def survival_table(found: dict[str, dict[int, Survival]]) -> list[list[str]]:
    """A header, and for every column the share that survived in %, with Wilson intervals."""
    lengths = list(found[TRUE])
    rows = [["", "sees back (frames)", *(f"hidden for {length}" for length in lengths)]]
    for column, row in found.items():
        horizons = {s.horizon for s in row.values()}
        seen = "-" if horizons <= {None} else f"{max(h for h in horizons if h is not None)}"
        rows.append([column, seen, *(share(row[k]) if k in row else "-" for k in lengths)])
    return rows


def share(survival: Survival) -> str:
    low, high = survival.interval
    value = 100 * survival.right / survival.total
    return f"{value:.0f} ({100 * low:.0f}-{100 * high:.0f}, n = {survival.total})"
