"""Blind pairwise comparison by people: a page to vote on, and the votes read back.

The page holds the clips themselves, in random order and on random sides, and nothing that names
their systems: those are in a key file beside it, which the voters do not get.

    kinema check --blind old new --html vote.html           # vote.html and vote.key.json
    kinema check --blind vote.key.json *.votes.json         # the Bradley-Terry table
    kinema check --blind vote.key.json *.votes.json --verdicts report.json      # do they agree?
"""

import base64
import hashlib
import json as json_format
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from kinema import clips, storage
from kinema.checks.agreement import agreement_lines, agreement_with
from kinema.checks.clip_report import plain
from kinema.checks.files import VIDEO_SUFFIXES
from kinema.checks.votes import count_votes, read_votes
from kinema.errors import UserError
from kinema.metrics.agreement import Agreement
from kinema.metrics.preference import Strength

PAGE = Path(__file__).with_name("blind.html").read_text("utf-8")

FEWEST_VOTES = 6  # fewer, even unanimous ones, can be chance: 2 / 2^5 is more than 5 %


def run(
    files: list[str],
    page: str | None = None,
    json: str | None = None,
    verdicts: str | None = None,
    seed: int = 0,
) -> int:
    """Write a page for two folders of clips, or count the votes in the files after a page's key.

    `verdicts` is the JSON of a check, with which the votes are compared.

    Raises:
        UserError: if the files are neither of the two, or do not belong together.
    """
    if len(files) == 2 and all(Path(file).is_dir() for file in files):
        if json is not None or verdicts is not None:
            option = "--json" if json is not None else "--verdicts"
            raise UserError(f"{option} takes the votes: a page of clips has none yet.")
        key = write_blind_page(files[0], files[1], page or "blind.html", seed)
        print(f"{page or 'blind.html'}  the page for the voters\n{key}  your key: keep it")
        return 0
    if any(Path(file).is_dir() for file in files) or len(files) < 2:
        raise UserError(
            "--blind takes two folders of clips, or a page's .key.json and the .votes.json files."
        )
    if page is not None:
        raise UserError("--html writes a page of two folders; votes are printed, or go to --json.")
    votes = read_votes(files[0], list(files[1:]))
    table = count_votes(votes)
    found = None if verdicts is None else agreement_with(votes, verdicts)
    text = json_format.dumps(votes_json(table, found), indent=1)
    if json == "-":
        print(text)
        return 0
    if json is not None:
        storage.write_bytes(json, text.encode())
    print_table(table, len(files) - 1)
    if found is not None:
        print("\n".join(agreement_lines(found)))
    return 0


def votes_json(table: list[Strength], found: Agreement | None) -> Any:
    """Make the JSON: the table, and with verdicts an object of it and the agreement."""
    strengths = [asdict(strength) for strength in table]
    if found is None:
        return strengths
    tau = {"tau": plain(found.tau, 4), "interval": [plain(x, 4) for x in found.interval]}
    return {"strengths": strengths, "agreement": asdict(found) | tau}


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
