"""What the probe of attention found: its tables, and pictures of where a head looks."""

from dataclasses import asdict

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinema.probes.attention.probe import AttentionFindings
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.pictures import image_png
from kinema.reports.words import plus_minus

CELL, GAP, NUM_SHOWN = 112, 3, 4
INK, PAPER = (30, 30, 30), (255, 255, 255)
TRACK, OLD, OWN = (40, 220, 90), (60, 150, 255), (255, 170, 0)
NOTE = """
One subject crosses the picture at constant velocity, in a scene that no training run drew. A patch
at place x in frame i should find itself in frame j around x + v (j - i). True clips are noised to
t = {noise:g} and given to the network. Of the attention that the subject's token gives to another
frame, *true track* is the share that falls on the token that shows the subject there, and *old
place* the share that falls on the token where the subject is in its own frame. Both are divided by
{uniform:.4f}, the share of each token if attention were uniform over {height} x {width} tokens.
Pairs of frames in which both are one token do not count. *Never trained* is the true track in the
same network with fresh weights. *To other frames* is the share of all attention that leaves the
frame, divided by what uniform attention gives. The figures are means over heads, with 95 %
intervals over {clips} clips. The best head is chosen on the same clips.
""".strip()
PICTURE_NOTE = """
Layer {layer}, head {head}: the head that follows the track best. The query is the subject's token
in the framed picture. Red is the attention that it gives to each place, scaled frame by frame.
Green: where the subject truly is. Blue: its place in the framed picture.
""".strip()


def best_head(findings: AttentionFindings) -> tuple[int, int]:
    """Return the layer and the head that follow the track most, by the mean over clips."""
    mean = findings.on_track.mean(0)
    layer, head = np.unravel_index(mean.argmax(), mean.shape)
    return int(layer), int(head)


def layer_table(findings: AttentionFindings) -> Rows:
    """Make a row a layer, with means over its heads and its best head; the last is all layers."""
    found, f = findings, findings.by_lag.shape[1] + 1
    figures = (
        found.on_track,
        found.old_place,
        found.untrained,
        found.to_other_frames * f / (f - 1),
    )
    rows = [["layer", "true track", "old place", "never trained", "to other frames", "best head"]]
    for layer in range(found.on_track.shape[1]):
        best = int(found.on_track[:, layer].mean(0).argmax())
        cells = [plus_minus(figure[:, layer].mean(-1)) for figure in figures]
        rows.append([str(layer), *cells, f"{best}: {plus_minus(found.on_track[:, layer, best])}"])
    return [*rows, ["all", *(plus_minus(figure.mean((1, 2))) for figure in figures), ""]]


def lag_table(findings: AttentionFindings) -> Rows:
    """Make one row: the true track by distance in latent frames."""
    header = ["latent frames away", *map(str, range(1, findings.by_lag.shape[1] + 1))]
    return [header, ["true track", *map(plus_minus, findings.by_lag.T)]]


def report_of(findings: AttentionFindings) -> Report:
    """Return the report: tables by layer and by distance, and pictures of the best head."""
    probe, (layer, head) = findings.probe, best_head(findings)
    h, w = findings.attentions[0].maps.shape[-2:]
    note = NOTE.format(
        noise=probe.noise, uniform=1 / (h * w), height=h, width=w, clips=len(findings.clips)
    )
    picture = Picture(
        "attention of the subject's token in the middle frame",
        lambda: image_png(draw(findings)),
        note=PICTURE_NOTE.format(layer=layer, head=head),
    )
    by_lag = "The figures are means over layers and heads."
    return Report(
        "Where does a moving patch look?",
        command_line("kinema probe attention", asdict(probe)),
        note,
        [
            Table("By layer, times what uniform attention gives", layer_table(findings)),
            Table("By distance in time", lag_table(findings), by_lag),
            picture,
        ],
    )


# ---- the picture --------------------------------------------------------------------------------


def draw(findings: AttentionFindings) -> np.ndarray:
    """Draw a few clips, a row each, with the attention of the best head from the middle frame."""
    layer, head = best_head(findings)
    rows = []
    for clip, attention in list(zip(findings.clips, findings.attentions, strict=True))[:NUM_SHOWN]:
        f = len(attention.places)
        shown = clip.frames[np.linspace(0, len(clip.frames) - 1, f).round().astype(int)]
        maps = attention.maps[layer, head, f // 2]  # f h w
        cells = [cell(shown[j], maps[j], attention.places, j, f // 2) for j in range(f)]
        gap = np.full((CELL, GAP, 3), 255, np.uint8)
        strip = np.concatenate([part for c in cells for part in (c, gap)], axis=1)
        rows += [caption(clip.caption, strip.shape[1]), strip]
    return np.concatenate(rows)


def cell(frame: np.ndarray, heat: np.ndarray, places: np.ndarray, j: int, query: int) -> np.ndarray:
    """Draw a frame in gray under its share of attention; mark the true and the old place."""
    gray = cv2.resize(frame, (CELL, CELL), interpolation=cv2.INTER_CUBIC).mean(-1, keepdims=True)
    shown = (heat / max(heat.max(), 1e-12)).astype(np.float32)
    shown = cv2.resize(shown, (CELL, CELL), interpolation=cv2.INTER_NEAREST)[..., None]
    image = 0.75 * gray * (1 - 0.6 * shown) + 255 * 0.6 * shown * np.array([1.0, 0.15, 0.1])
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    drawing = ImageDraw.Draw(picture)
    step = CELL / heat.shape[0]
    for place, color, inset in ((places[query], OLD, 5), (places[j], TRACK, 2)):
        top, left = place * step
        box = (left + inset, top + inset, left + step - inset, top + step - inset)
        drawing.rectangle(box, outline=color, width=2)
    if j == query:
        drawing.rectangle((0, 0, CELL - 1, CELL - 1), outline=OWN, width=3)
    return np.asarray(picture)


def caption(text: str, width: int) -> np.ndarray:
    """Draw a line of text on paper of a width."""
    block = Image.new("RGB", (width, 22), PAPER)
    ImageDraw.Draw(block).text((3, 3), text, INK, ImageFont.load_default(13))
    return np.asarray(block)
