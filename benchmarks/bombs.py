"""Fifty small files that would become large: each is refused, or read within 500 MB and 10 s.

    python benchmarks/bombs.py                  # prints the table, writes docs/results/bombs.md

Each file is read in a process of its own. Counted is its peak memory beyond what it had before it
read: Python, torch and what else is imported. Three honest files must be read: 5 s of 720p in less
than 1 MB, a frame of 8K, and a photograph of 100 megapixels.
"""

import argparse
import io
import json
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from children import Outcome, run_child
from PIL import Image

from kinema import clips
from kinema.errors import UserError
from kinema.storage.atomic import read_object
from kinema.storage.weights import read_weights

RESULT = Path(__file__).parent.parent / "docs" / "results" / "bombs.md"
MAX_MB, MAX_SECONDS, MAX_BYTES = 500, 10, 1_000_000
HONEST = "honest-"
Bomb = tuple[str, bytes]  # name, content
READERS: dict[str, Callable[[Path], object]] = {  # by the beginning or the end of a name
    "inspect-": clips.inspect,
    "clip-": clips.read,
    "resampled-": lambda path: clips.read(path, fps=30),
    ".json": read_object,
    ".pt": read_weights,
    ".safetensors": read_weights,
    ".mkv": clips.read,
    ".mp4": clips.read,
    "pause.gif": clips.read,
    "canvas.gif": clips.read,
    "canvas.webp": clips.read,
    "": clips.read_image,
}


# ---- pictures -------------------------------------------------------------------------------


def png(width: int, height: int, color: int = 2, depth: int = 8, extra: bytes = b"") -> bytes:
    """A black PNG of any size, compressed without ever being there."""
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[color]
    row = bytes(1 + -(-width * channels * depth // 8))
    packer, parts = zlib.compressobj(9), []
    for _ in range(height):
        parts.append(packer.compress(row))
    data = b"".join(parts) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [chunk(b"IHDR", head), extra]
    if color == 3:
        chunks.append(chunk(b"PLTE", bytes(3)))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, chunk(b"IDAT", data), chunk(b"IEND", b"")])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(kind: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


def with_size(data: bytes, at: int, width: int, height: int, form: str = "<HH") -> bytes:
    """A file whose header says another size than its content has."""
    size = struct.pack(form, width, height)
    return data[:at] + size + data[at + len(size) :]


def pictures() -> Iterator[Bomb]:
    text = zlib.compress(bytes(200_000_000), 9)
    bombs = {
        "13000.png": png(13_000, 13_000, 0),
        "13000-rgb.png": png(13_000, 13_000, 2)[:MAX_BYTES],
        "rgba.png": png(9_000, 9_000, 6),
        "wide.png": png(2_000_000, 100, 0),
        "tall.png": png(100, 500_000, 0),
        "bits.png": png(60_000, 10_000, 0, 1),
        "palette.png": png(20_000, 9_000, 3, 1),
        "deep.png": png(6_000, 7_000, 2, 16),
        "text.png": png(8, 8, 2, 8, chunk(b"zTXt", b"k\0\0" + text)),
        "profile.png": png(8, 8, 2, 8, chunk(b"iCCP", b"k\0\0" + text)),
        "8k.png": png(7_680, 4_320, 0),
        "huge.gif": with_size(picture("GIF", (8, 8), "P"), 6, 65_535, 65_535),
        "huge.bmp": with_size(picture("BMP", (8, 8)), 18, 60_000, 60_000, "<ii"),
        "huge.tga": with_size(picture("TGA", (8, 8)), 12, 60_000, 60_000),
        "huge.ppm": b"P6 60000 60000 255\n" + bytes(1000),
        "huge.webp": picture("WEBP", (8_192, 8_192), lossless=True, method=0),
        "huge.tif": picture("TIFF", (14_000, 14_000), "L", compression="tiff_adobe_deflate"),
        "huge.jpg": picture("JPEG", (6_500, 6_500), "L", quality=1)[:MAX_BYTES],
    }  # fmt: skip
    for name, data in bombs.items():
        yield name, data
    for name in ("13000.png", "huge.gif", "huge.webp", "huge.bmp", "huge.ppm", "deep.png"):
        yield f"clip-{name}", bombs[name]


# ---- videos ---------------------------------------------------------------------------------


def video(
    size: tuple[int, int], times: list[int], kind: str = "matroska", of: np.ndarray | None = None
) -> bytes:
    """One key frame, black or `of` that, at these times in milliseconds; as many as fit in 1 MB."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "51"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        planes = np.zeros((size[0] * 3 // 2, size[1]), np.uint8) if of is None else of
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        packets = [*stream.encode(frame), *stream.encode()]
        data, base = bytes(packets[0]), packets[0].time_base
        for time in times[: max(1, int(0.9 * MAX_BYTES / (len(data) + 30)))]:
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = stream, base, True
            packet.pts = packet.dts = round(time / 1000 / base)
            output.mux(packet)
    return file.getvalue()


def animation(kind: str, canvas: tuple[int, int], count: int, milliseconds: int) -> bytes:
    """A canvas on which one pixel changes; each frame is the whole canvas once it is decoded."""
    first, rest = Image.new("P", canvas), []
    first.putpalette([0, 0, 0, 255, 255, 255])
    for index in range(1, count):
        other = first.copy()
        other.putpixel((index % canvas[0], 0), 1)
        rest.append(other)
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=rest, duration=milliseconds)
    return file.getvalue()


def videos() -> Iterator[Bomb]:
    steady = [40 * index for index in range(100_000)]
    files = {
        "1080p.mkv": video((1_080, 1_920), steady),
        "1080p.mp4": video((1_080, 1_920), steady, "mp4"),
        "4k.mkv": video((2_160, 3_840), steady),
        "8k.mkv": video((4_320, 7_680), steady),
        "small-and-long.mkv": video((64, 64), steady),
        "gap.mkv": video((1_080, 1_920), [0, 40, 36_000_000, 36_000_040]),
        "gaps.mkv": video((256, 256), [40_000 * index for index in range(500)]),
        "pause.gif": animation("GIF", (1_000, 1_000), 4, 655_350),
        "canvas.gif": animation("GIF", (4_000, 4_000), 40, 100),
        "canvas.webp": animation("WEBP", (4_000, 4_000), 12, 100),
    }
    for name, data in files.items():
        yield name, data
        yield f"inspect-{name}", data
    for name in ("gap.mkv", "gaps.mkv", "pause.gif"):
        yield f"resampled-{name}", files[name]
    moov = video((64, 64), steady[:3], "mp4")
    at = moov.index(b"stsz") + 12
    yield "samples.mp4", moov[:at] + struct.pack(">I", 2**31 - 1) + moov[at + 4 :]


def honest() -> Iterator[Bomb]:
    """Files that people have."""
    rng = np.random.default_rng(0)
    yield "720p.mkv", video((720, 1_280), [33 * index for index in range(150)])
    noise = rng.integers(0, 256, (4_320 * 3 // 2, 7_680), np.uint8)
    yield "8k-frame.mkv", video((4_320, 7_680), [0], of=noise)
    photo = Image.effect_noise((2_500, 2_500), 60).resize((11_000, 9_100)).convert("RGB")
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=70)
    yield "photo.jpg", file.getvalue()


# ---- everything else ------------------------------------------------------------------------


def archive(name: str, size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"x/{name}", bytes(size))
        out.writestr("x/code/x.py", "")
    return file.getvalue()


def records() -> Iterator[Bomb]:
    yield "deep.json", b'{"a":' * 150_000
    yield "wide.json", b"[" + b"[]," * 300_000 + b"[]]"
    yield "number.json", b'{"a": ' + b"9" * 900_000 + b"}"
    head = {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    text = json.dumps(head).encode()
    yield "huge.safetensors", struct.pack("<Q", len(text)) + text
    yield "head.safetensors", struct.pack("<Q", 2**62) + b"{"
    yield "empty.safetensors", safetensors_of_nothing(200_000)
    yield "zip.pt", archive("data.pkl", 900_000_000)
    small = torch.zeros(1).expand(2**20, 2**12)  # 17 GB, of one number
    file = io.BytesIO()
    torch.save({"a": small}, file)
    yield "expanded.pt", file.getvalue()


def safetensors_of_nothing(count: int) -> bytes:
    """Many tensors without values."""
    head = {f"{i:x}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(count)}
    text = json.dumps(head, separators=(",", ":")).encode()[:MAX_BYTES]
    return struct.pack("<Q", len(text)) + text


def write_bombs(root: Path) -> None:
    for name, data in honest():
        (root / f"{HONEST}{name}").mkdir()
        (root / f"{HONEST}{name}" / name).write_bytes(data)
    for name, data in [*pictures(), *videos(), *records()]:
        assert len(data) <= 1.05 * MAX_BYTES, f"{name}: {len(data)} bytes"
        (root / name).mkdir()
        (root / name / name).write_bytes(data)


def explode(path: Path) -> int:
    """Read a bomb; 2 if it is refused in a sentence."""
    try:
        reader_of(path.name)(path)
    except UserError as error:
        print(error)
        return 2
    return 0


def reader_of(name: str) -> Callable[[Path], object]:
    return next(r for part, r in READERS.items() if name.startswith(part) or name.endswith(part))


@dataclass
class Result:
    """What came of reading a file.

    Attributes:
        path: the file.
        outcome: of the process that read it.
        peak_mb: of memory, beyond what that process had before.
    """

    path: Path
    outcome: Outcome
    peak_mb: float

    @property
    def is_good(self) -> bool:
        if self.path.parent.name.startswith(HONEST):
            return self.outcome.status == 0
        is_small = self.peak_mb <= MAX_MB and self.outcome.cpu_seconds <= MAX_SECONDS
        return is_small and self.outcome.status in (0, 2)

    def row(self) -> str:
        status = self.outcome.status
        done = {0: "read", 2: "refused"}.get(status, f"failed ({status})")
        size = f"{self.path.stat().st_size / 1000:,.1f}"
        answer = done if self.is_good else f"**{done}**"
        seconds = self.outcome.cpu_seconds
        return f"| {self.path.name} | {size} | {answer} | {self.peak_mb:,.0f} | {seconds:.1f} |"


def read_all(root: Path) -> Iterator[Result]:
    written = run_child(lambda: write_bombs(root), root)  # in a child: this process stays small
    assert written.status == 0, written.output
    before = run_child(lambda: 0, root).peak_mb
    for place in sorted(path for path in root.iterdir() if path.is_dir()):
        path = place / place.name.removeprefix(HONEST)
        outcome = run_child(lambda path=path: explode(path), place)
        result = Result(path, outcome, outcome.peak_mb - before)
        print(result.row(), outcome.output.strip()[-300:], flush=True)
        yield result


def table(results: list[Result]) -> str:
    rows = [result.row() for result in results]
    return "| file | kB | answer | peak MB | s |\n|---|---|---|---|---|\n" + "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Small files that would become large.")
    parser.add_argument("--report", type=Path, default=RESULT, help="the Markdown file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = list(read_all(Path(folder)))
        honest = [r for r in results if r.path.parent.name.startswith(HONEST)]
        bombs = [r for r in results if r not in honest]
        bad = sum(not r.is_good for r in results)
        page = [
            "# Small files that would become large",
            f"{len(bombs)} files of at most 1 MB, each read in a process of its own: refused in "
            f"one sentence, or read in at most {MAX_MB} MB (beyond Python and torch) and "
            f"{MAX_SECONDS} s of processor time. Below them, honest files that must be read. Not "
            f"so: {bad}. Made by `python benchmarks/bombs.py`.",
            table(bombs),
            table(honest),
        ]
    options.report.write_text("\n\n".join(page) + "\n")
    print(f"{bad} of {len(results)} are not as they should be")
    sys.exit(int(bad > 0))


if __name__ == "__main__":
    main()
