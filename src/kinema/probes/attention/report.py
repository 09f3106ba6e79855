"""What the probe found: tables for a terminal and for Markdown, and pictures of the gaze."""

import io
from math import sqrt
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

from kinema.probes.attention.probe import Findings
from kinema.storage import write_bytes

CELL, GAP, NUM_SHOWN = 112, 3, 4
INK, PAPER = (30, 30, 30), (255, 255, 255)
TRACK, OLD, OWN = (40, 220, 90), (60, 150, 255), (255, 170, 0)


def mean_of(figures: np.ndarray) -> str:
    """The mean over clips with half its 95 % interval (1.96 standard errors)."""
    figures = figures[np.isfinite(figures)]
    if len(figures) < 2:
        return "-"
    half = 1.96 * figures.std(ddof=1) / sqrt(len(figures))
    return f"{figures.mean():.2f} +- {half:.2f}"


def best_head(findings: Findings) -> tuple[int, int]:
    """The layer and the head that follow the track most, on the mean over clips."""
    mean = findings.on_track.mean(0)
    layer, head = np.unravel_index(mean.argmax(), mean.shape)
    return int(layer), int(head)


def layer_table(findings: Findings) -> list[list[str]]:
    """Header and rows: per layer, the means over heads, and the head that follows best."""
    f = findings.by_lag.shape[1] + 1
    rows = [["layer", "true track", "old place", "never trained", "to other frames", "best head"]]
    for layer in range(findings.on_track.shape[1]):
        best = int(findings.on_track[:, layer].mean(0).argmax())
        cells = [a[:, layer].mean(-1) for a in (findings.on_track, findings.old_place)]
        rows.append([
            str(layer), *map(mean_of, cells), mean_of(findings.untrained[:, layer].mean(-1)),
            mean_of(findings.elsewhen[:, layer].mean(-1) * f / (f - 1)),
            f"{best}: {mean_of(findings.on_track[:, layer, best])}",
        ])  # fmt: skip
    everything = [a.mean((1, 2)) for a in (findings.on_track, findings.old_place)]
    rows.append([
        "all", *map(mean_of, everything), mean_of(findings.untrained.mean((1, 2))),
        mean_of(findings.elsewhen.mean((1, 2)) * f / (f - 1)), "",
    ])  # fmt: skip
    return rows


def lag_table(findings: Findings) -> list[list[str]]:
    """Header and one row: what the true place gets over chance, by distance in latent frames."""
    lags = range(findings.by_lag.shape[1])
    header = ["latent frames away", *(str(lag + 1) for lag in lags)]
    return [header, ["true track", *(mean_of(findings.by_lag[:, lag]) for lag in lags)]]


def show(findings: Findings) -> None:
    """Print the tables."""
    console = Console()
    console.width = max(console.width, 150)
    n = len(findings.clips)
    title = f"What a moving subject's token looks at, over chance (n = {n} clips, 1 = uniform)"
    for name, rows in ((title, layer_table(findings)), ("By distance", lag_table(findings))):
        table = Table(title=name, title_justify="left", box=None, header_style="bold")
        for heading in rows[0]:
            table.add_column(heading, justify="right")
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)


def write(findings: Findings, path: Path) -> list[Path]:
    """Write the page and, beside it, the picture; returns both paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = path.with_suffix(".png")
    file = io.BytesIO()
    Image.fromarray(draw(findings)).save(file, "PNG", optimize=True)
    write_bytes(picture, file.getvalue())
    write_bytes(path, page(findings, picture.name).encode())
    return [path, picture]


def page(findings: Findings, picture: str) -> str:
    """The tables in Markdown, and what they mean."""
    probe, (layer, head) = findings.probe, best_head(findings)
    h, w = findings.gazes[0].maps.shape[-2:]
    command = (
        f"kinema probe attention --model {probe.model} --num_clips {probe.num_clips} "
        f"--size {probe.size} --noise {probe.noise:g} --seed {probe.seed}"
    )
    parts = [
        "# Where does a moving patch look?",
        f"`{command}`",
        "One subject crosses the picture at constant velocity, in a scene that no training run "
        "drew. A patch at place x in frame i should find itself in frame j around x + v (j - i). "
        f"True clips are noised to t = {probe.noise:g} and given to the network; of what the "
        "subject's token gives to another frame, the share that falls on the token which holds "
        "the subject there (*true track*) and on the token where it is in its own frame (*old "
        f"place*), over the {1 / (h * w):.4f} of a uniform gaze over {h} x {w} tokens. Pairs of "
        "frames in which both are one token do not count. *Never trained*: the true track in the "
        "same network with fresh weights. *To other frames*: the share of all attention that "
        "leaves the frame, over what a uniform gaze gives. Means over heads, with 95 % intervals "
        f"over {len(findings.clips)} clips; the best head is chosen on the same clips.",
        markdown(layer_table(findings)),
        "Does it hold over time? Mean over layers and heads:",
        markdown(lag_table(findings)),
        f"![attention of the subject's token in the middle frame]({picture})",
        f"Layer {layer}, head {head}, the one that follows best. The query is the subject's token "
        "in the framed picture; red is what it gives to each place, each frame scaled by itself. "
        "Green: where the subject truly is. Blue: its place in the framed picture.",
    ]
    return "\n\n".join(parts) + "\n"


def markdown(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


# ---- the picture --------------------------------------------------------------------------------


def draw(findings: Findings) -> np.ndarray:
    """A few clips, a row each, with the gaze of the best head from the middle frame."""
    layer, head = best_head(findings)
    rows = []
    for clip, gaze in list(zip(findings.clips, findings.gazes, strict=True))[:NUM_SHOWN]:
        f = len(gaze.places)
        shown = clip.frames[np.linspace(0, len(clip.frames) - 1, f).round().astype(int)]
        maps = gaze.maps[layer, head, f // 2]  # f h w
        cells = [cell(shown[j], maps[j], gaze.places, j, f // 2) for j in range(f)]
        gap = np.full((CELL, GAP, 3), 255, np.uint8)
        strip = np.concatenate([part for c in cells for part in (c, gap)], axis=1)
        rows += [caption(clip.caption, strip.shape[1]), strip]
    return np.concatenate(rows)


def cell(frame: np.ndarray, gaze: np.ndarray, places: np.ndarray, j: int, query: int) -> np.ndarray:
    """One frame in grey under its share of the gaze, with the true and the old place marked."""
    grey = cv2.resize(frame, (CELL, CELL), interpolation=cv2.INTER_CUBIC).mean(-1, keepdims=True)
    heat = (gaze / max(gaze.max(), 1e-12)).astype(np.float32)
    heat = cv2.resize(heat, (CELL, CELL), interpolation=cv2.INTER_NEAREST)[..., None]
    image = 0.75 * grey * (1 - 0.6 * heat) + 255 * 0.6 * heat * np.array([1.0, 0.15, 0.1])
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    drawing = ImageDraw.Draw(picture)
    step = CELL / gaze.shape[0]
    for place, colour, inset in ((places[query], OLD, 5), (places[j], TRACK, 2)):
        top, left = place * step
        box = (left + inset, top + inset, left + step - inset, top + step - inset)
        drawing.rectangle(box, outline=colour, width=2)
    if j == query:
        drawing.rectangle((0, 0, CELL - 1, CELL - 1), outline=OWN, width=3)
    return np.asarray(picture)


def caption(text: str, width: int) -> np.ndarray:
    block = Image.new("RGB", (width, 22), PAPER)
    ImageDraw.Draw(block).text((3, 3), text, INK, ImageFont.load_default(13))
    return np.asarray(block)
