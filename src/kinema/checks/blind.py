"""Blind pairwise comparison by people: a page to vote on, and the votes read back.

The page holds the clips themselves, in random order and on random sides, and nothing that names
their systems: those are in a key file beside it, which the voters do not get.

    kinema check --blind old new --html vote.html           # vote.html and vote.key.json
    kinema check --blind vote.key.json *.votes.json         # the Bradley-Terry table
"""

import base64
import hashlib
import json as json_format
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kinema import clips, storage
from kinema.checks.files import VIDEO_SUFFIXES
from kinema.errors import UserError
from kinema.metrics.preference import Strength, bradley_terry
from kinema.storage.atomic import read_object

PAGE = Path(__file__).with_name("blind.html").read_text("utf-8")

FEWEST_VOTES = 6  # fewer, even unanimous ones, can be chance: 2 / 2^5 is more than 5 %
SCORES = {"left": 1.0, "right": 0.0, "tie": 0.5}  # of the left clip


def run(files: list[str], page: str | None = None, json: str | None = None, seed: int = 0) -> int:
    """Write a page for two folders of clips, or count the votes in the files after a page's key.

    Raises:
        UserError: if the files are neither of the two, or do not belong together.
    """
    if len(files) == 2 and all(Path(file).is_dir() for file in files):
        if json is not None:
            raise UserError("--json takes the votes: a page of clips has none yet.")
        key = write_blind_page(files[0], files[1], page or "blind.html", seed)
        print(f"{page or 'blind.html'}  the page for the voters\n{key}  your key: keep it")
        return 0
    if any(Path(file).is_dir() for file in files) or len(files) < 2:
        raise UserError(
            "--blind takes two folders of clips, or a page's .key.json and the .votes.json files."
        )
    if page is not None:
        raise UserError("--html writes a page of two folders; votes are printed, or go to --json.")
    table = count_votes(files[0], list(files[1:]))
    text = json_format.dumps([asdict(strength) for strength in table], indent=1)
    if json == "-":
        print(text)
        return 0
    if json is not None:
        storage.write_bytes(json, text.encode())
    print_table(table, len(files) - 1)
    return 0


def print_table(strengths: list[Strength], num_files: int) -> None:
    """Print the systems, best first, with their intervals."""
    table = Table(box=None, header_style="bold")
    for heading in ("system", "strength", "95 % interval", "votes"):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for one in strengths:
        low, high = one.interval
        table.add_row(one.name, f"{one.value:+.2f}", f"{low:+.2f} to {high:+.2f}", f"{one.votes}")
    console = Console(highlight=False)
    console.print(table)
    best, worst = strengths[0], strengths[-1]
    share = 1 / (1 + np.exp(worst.value - best.value))
    apart = best.votes >= FEWEST_VOTES and best.interval[0] > worst.interval[1]
    console.print(
        f"Bradley-Terry over {best.votes} votes from {num_files} files: {best.name} is expected to "
        f"be preferred to {worst.name} in {100 * share:.0f} % of the comparisons; the intervals "
        f"{'do not overlap' if apart else 'overlap: the votes do not tell them apart'}.",
        soft_wrap=True,
    )


@dataclass(frozen=True)
class Trial:
    """One comparison: which system's clip is on which side."""

    id: int
    left: str
    right: str
    file: str


def write_blind_page(
    folder_a: str | Path, folder_b: str | Path, page: str | Path, seed: int = 0
) -> Path:
    """Write the page, and the key beside it (`<page>.key.json`); return the key's path.

    The folders hold the clips of two systems under the same names; `seed` is of order and sides.

    Raises:
        UserError: if the folders share no file name, or hold one name only.
    """
    folder_a, folder_b, page = Path(folder_a), Path(folder_b), Path(page)
    if folder_a.resolve() == folder_b.resolve():
        raise UserError(f"{folder_a} cannot be compared with itself: name two folders.")
    for folder in (folder_a, folder_b):
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder of clips.")
    own, other = clips_by_name(folder_a), clips_by_name(folder_b)
    shared = sorted(own.keys() & other.keys())
    if not shared:
        raise UserError(f"{folder_a} and {folder_b} share no file name: nothing can be paired.")
    generator = np.random.default_rng(seed)
    trials, key = [], []
    for number, position in enumerate(generator.permutation(len(shared))):
        stem = shared[position]
        sides = [(str(folder_a), own[stem]), (str(folder_b), other[stem])]
        if generator.random() < 0.5:
            sides.reverse()
        (left, left_file), (right, right_file) = sides
        text = clips.read(own[stem]).text
        trials.append(
            {"id": number, "text": text, "left": data_url(left_file), "right": data_url(right_file)}
        )
        key.append(Trial(number, left, right, stem))
    shown = json_format.dumps(trials)
    name = f"{page.stem}-{hashlib.sha256(shown.encode()).hexdigest()[:8]}"
    content = PAGE.replace("__TRIALS__", shown.replace("</", "<\\/"))
    storage.write_bytes(page, content.replace("__NAME__", name).encode())
    key_file = page.with_suffix(".key.json")
    data = {"page": name, "trials": [asdict(trial) for trial in key]}
    return storage.write_bytes(key_file, json_format.dumps(data, indent=1).encode())


def count_votes(key_file: str | Path, vote_files: list[str | Path]) -> list[Strength]:
    """Turn the voters' files into a Bradley-Terry table, best system first.

    Raises:
        UserError: if a file is not one of this page's, or holds no vote that it asked for.
    """
    key = read_json(key_file, "trials")
    trials = {trial["id"]: trial for trial in key["trials"]}
    votes, asked, seen = [], [], set()
    for file in vote_files:
        if Path(file).resolve() in seen:
            raise UserError(f"{file} is named twice: its votes would count twice.")
        seen.add(Path(file).resolve())
        content = read_json(file, "votes")
        if content["page"] != key["page"]:
            raise UserError(f"{file} holds votes of another page, not of {key['page']}.")
        for vote in content["votes"]:
            if not isinstance(vote, dict) or vote.get("choice") not in SCORES:
                raise UserError(f"{file} holds a vote that is none of {', '.join(SCORES)}: {vote}.")
            if vote.get("trial") not in trials:
                raise UserError(f"{file} votes on trial {vote.get('trial')}, which the page lacks.")
            trial = trials[vote["trial"]]
            votes.append((trial["left"], trial["right"], SCORES[vote["choice"]]))
            asked.append(vote["trial"])
    return bradley_terry(votes, asked)


def clips_by_name(folder: Path) -> dict[str, Path]:
    videos = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES)
    return {path.stem: path for path in videos}


def data_url(file: Path) -> str:
    """Encode the clip as an mp4 data URL: any file name or metadata would tell."""
    clip = clips.read(file)
    with tempfile.TemporaryDirectory() as folder:
        bare = clips.write(clips.Clip(clip.frames, clip.fps), Path(folder) / "clip.mp4")
        data = Path(bare).read_bytes()
    return f"data:video/mp4;base64,{base64.b64encode(data).decode()}"


def read_json(file: str | Path, holds: str) -> dict:
    """Read a JSON object of a blind comparison that has a list under `holds`."""
    content = read_object(file, "file of a blind comparison")
    if "page" not in content or not isinstance(content.get(holds), list):
        raise UserError(f"{file} is not a file of a blind comparison: it has no {holds}.")
    return content
