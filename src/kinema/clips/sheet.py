"""Contact sheets: one row a clip, time from left to right, a caption above each row."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinema.clips.clip import Clip
from kinema.storage.atomic import write_bytes

GAP = 2
INK, PAPER = (30, 30, 30), (255, 255, 255)


def contact_sheet(
    clips: Sequence[Clip | np.ndarray],
    path: str | Path,
    labels: Sequence[str] | None = None,
    *,
    columns: int = 8,
    cell: int = 128,
) -> Path:
    """Draw clips side by side into one PNG.

    Args:
        clips: clips, or uint8 frames `(f, h, w, 3)`; each is a row.
        path: the PNG to write.
        labels: a caption per row; by default each clip's own text.
        columns: evenly spaced frames shown of each clip, first and last among them.
        cell: the width of a frame on the sheet, in pixels.

    Raises:
        UserError: if the file cannot be written.
    """
    return write_bytes(path, sheet_png(clips, labels, columns=columns, cell=cell))


def sheet_png(
    clips: Sequence[Clip | np.ndarray],
    labels: Sequence[str] | None = None,
    *,
    columns: int = 8,
    cell: int = 128,
) -> bytes:
    """Return a contact sheet as the bytes of a PNG; the arguments are those of `contact_sheet`."""
    assert clips, "a contact sheet shows at least one clip"
    labels = labels or [clip.text if isinstance(clip, Clip) else "" for clip in clips]
    rows = [clip.frames if isinstance(clip, Clip) else clip for clip in clips]
    assert len(labels) == len(rows), f"{len(rows)} clips want as many labels, not {len(labels)}"
    strips = [film_strip(row, columns, cell) for row in rows]
    width = max(strip.shape[1] for strip in strips)
    blocks = [block_of(strip, label, width) for strip, label in zip(strips, labels, strict=True)]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(blocks)).save(file, "PNG", optimize=True)
    return file.getvalue()


def film_strip(frames: np.ndarray, columns: int = 8, cell: int = 128) -> np.ndarray:
    """Evenly spaced frames in a row: uint8 `(height, width, 3)`."""
    columns = min(columns, len(frames))
    chosen = frames[np.linspace(0, len(frames) - 1, columns).round().astype(int)]
    _, h, w, _ = frames.shape
    height = max(1, round(h * cell / w))
    smooth = Image.Resampling.LANCZOS
    cells = [np.asarray(Image.fromarray(f).resize((cell, height), smooth)) for f in chosen]
    gap = np.full((height, GAP, 3), 255, np.uint8)
    return np.concatenate([part for picture in cells for part in (picture, gap)], axis=1)


def block_of(strip: np.ndarray, label: str, width: int) -> np.ndarray:
    """A strip with its caption above, on paper as wide as the sheet."""
    font = ImageFont.load_default(14)
    lines = textwrap.wrap(label, max(8, int(width / font.getlength("n"))))
    top = 18 * len(lines) + 4 if lines else GAP
    block = Image.new("RGB", (width, top + strip.shape[0] + GAP), PAPER)
    drawing = ImageDraw.Draw(block)
    for number, line in enumerate(lines):
        drawing.text((3, 2 + 18 * number), line, INK, font)
    block.paste(Image.fromarray(strip), (0, top))
    return np.asarray(block)
