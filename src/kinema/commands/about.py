"""`kinema info`: what is installed here, or what a video file is."""

import sys
from pathlib import Path
from typing import Any

import kinema
from kinema.commands.parser import Parser, announce
from kinema.fields import shown
from kinema.models import SHIPPED

EXAMPLES = """\
kinema info
kinema info ball.mp4"""


def info(argv: list[str]) -> None:
    """version and machine; or what a video file is, and how kinema made it"""
    parser = Parser("kinema info", str(info.__doc__), EXAMPLES)
    parser.add_argument("file", nargs="?", metavar="FILE", help="a video")
    file = parser.parse_args(argv).file
    announce(argv, f"Reading {file}." if file else "Asking torch about this machine.")
    rows = about_file(file) if file else about_machine()
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        print(f"{name:<{width}}{value}")


def about_machine() -> dict[str, str]:
    import torch

    cuda = torch.cuda.is_available()
    systems = sorted(path.parent.name for path in SHIPPED.glob("*/system.json"))
    device = torch.cuda.get_device_name() if cuda else f"cpu, {torch.get_num_threads()} threads"
    return {
        "kinema": f"{kinema.__version__}  {Path(kinema.__file__).parent}",
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": device,
        "models": f"{', '.join(systems) or 'none in this installation'}  (see kinema models)",
    }


def about_file(file: str) -> dict[str, str]:
    """What a video is, and the note that kinema left in it.

    Raises:
        UserError: if the file is missing or is no video.
    """
    from kinema import clips

    video = clips.inspect(file)
    rows = {
        "file": f"{file}, {Path(file).stat().st_size / 1e6:.2f} MB",
        "frames": f"{video.num_frames}, {video.num_frames / video.fps:.2f} s at {video.fps:g} fps",
        "size": f"{video.height}x{video.width} (height x width)",
        "codec": codec_of(file),
        "text": shown(video.text, 200) or "none",
    }
    note = {name: shown(told(value), 200) for name, value in video.metadata.items()}
    return rows | (note or {"note": "kinema wrote none into this file"})


def told(value: Any) -> Any:
    """Return a dictionary as words: "num_steps 30, guidance_scale 1.5"."""
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items())


def codec_of(file: str) -> str:
    """Return the codec of the first video stream; a WebP, which FFmpeg cannot read, is its own."""
    import av

    try:
        with av.open(f"file:{file}", metadata_errors="replace") as container:
            return container.streams.video[0].codec_context.name
    except av.FFmpegError:
        return Path(file).suffix.removeprefix(".")
