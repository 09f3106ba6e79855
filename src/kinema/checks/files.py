"""Which files are checked, and which of them stands against which reference."""

from collections.abc import Iterable
from pathlib import Path

from kinema import clips
from kinema.errors import UserError

# What is taken from a folder: containers, bare streams, and animated pictures.
NAMES = """
    mp4 m4v mov mkv webm avi mpg mpeg m1v m2v vob ts mts m2ts flv f4v wmv asf 3gp 3g2 ogv mxf nut
    y4m yuv h264 264 avc h265 265 hevc h266 266 vvc ivf obu mjpeg mjpg
    gif webp apng
"""
VIDEO_SUFFIXES = frozenset(f".{name}" for name in NAMES.split())


def video_files(sources: Iterable[str | Path]) -> list[Path]:
    """List the files named, and the videos in the folders named, sorted by name in a folder.

    Raises:
        UserError: if nothing is named, or a folder holds no video.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        if not source.is_dir():
            found.append(source)
            continue
        try:
            inside = sorted(p for p in source.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
        except OSError:  # the same happens when it is read, and is then reported of it alone
            inside = [source]
        if not inside:
            raise UserError(f"The folder {source} holds no video: name files, or another folder.")
        found += inside
    if not found:
        raise UserError("There is nothing to check: name video files or a folder of them.")
    return found


def counterparts(files: list[Path], references: list[Path]) -> dict[Path, Path]:
    """Return the reference of each file that has one, before any of them is measured.

    A file's reference has its name (without the suffix), else its prompt; a single file and a
    single reference belong together whatever they are called.
    """
    named = {reference.stem: reference for reference in reversed(references)}
    found = {file: named[file.stem] for file in files if file.stem in named}
    if rest := [file for file in files if file not in found]:
        found |= by_prompt(rest, references)
    if len(files) == len(references) == 1:
        found.setdefault(files[0], references[0])
    return found


def by_prompt(files: list[Path], references: list[Path]) -> dict[Path, Path]:
    """Pair files with the one reference that has their prompt, read from both."""
    said: dict[str, list[Path]] = {}
    for reference in references:
        said.setdefault(prompt_of(reference), []).append(reference)
    matches = {file: said.get(prompt_of(file), []) for file in files if prompt_of(file)}
    return {file: match[0] for file, match in matches.items() if len(match) == 1}


def prompt_of(file: Path) -> str:
    """Return the prompt in a file in lower case with single spaces; "" where there is none."""
    try:
        return " ".join(clips.inspect(file).text.lower().split())
    except (UserError, OSError):  # it is reported when it is read
        return ""
