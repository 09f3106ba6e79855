"""Blind pairwise comparison by people: a page to vote on, and the votes read back.

The page holds the clips themselves, in random order and on random sides, and nothing that names
their systems: those are in a key file beside it, which the voters do not get.
"""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kinema import clips
from kinema.errors import UserError
from kinema.metrics.preference import Strength, bradley_terry

PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Which is better?</title>
<meta name=viewport content="width=device-width">
<style>
body { font: 16px/1.5 system-ui, sans-serif; text-align: center; margin: 1rem; color: #1a1a1a;
       background: #fff; }
video { width: min(46vw, 560px); background: #000; }
button { font: inherit; padding: .5rem 1.2rem; margin: .4rem; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616; } }
</style>
<h1>Which is better?</h1><p id=task></p>
<video id=left autoplay loop muted playsinline></video>
<video id=right autoplay loop muted playsinline></video>
<p><button data-vote=left>left (&larr;)</button><button data-vote=tie>no difference</button>
<button data-vote=right>right (&rarr;)</button></p><p id=progress></p>
<script>
const trials = __TRIALS__, name = "__NAME__";
const votes = JSON.parse(localStorage.getItem(name) || "[]");
const at = id => document.getElementById(id);
function show() {
  const trial = trials[votes.length];
  at("progress").textContent = votes.length + " of " + trials.length;
  if (!trial) { save(); return; }
  at("task").textContent = trial.text;
  for (const side of ["left", "right"]) at(side).src = trial[side];
}
function vote(choice) {
  if (votes.length >= trials.length) return;
  votes.push({trial: trials[votes.length].id, choice});
  localStorage.setItem(name, JSON.stringify(votes));
  show();
}
function save() {
  document.body.innerHTML = "<h1>Thank you</h1><p>Please send back the file of votes.</p>";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify({page: name, votes})]));
  link.download = name + ".votes.json"; link.textContent = link.download;
  document.body.append(link);
}
document.querySelectorAll("button").forEach(b => b.onclick = () => vote(b.dataset.vote));
addEventListener("keydown", e => {
  if (e.key === "ArrowLeft") vote("left");
  if (e.key === "ArrowRight") vote("right");
});
show();
</script>"""


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

    Args:
        folder_a: clips of one system.
        folder_b: clips of the other, with the same file names.
        page: the HTML file to write.
        seed: of the order and the sides.

    Raises:
        UserError: if the folders share no file name, or hold one name only.
    """
    folder_a, folder_b, page = Path(folder_a), Path(folder_b), Path(page)
    if folder_a.resolve() == folder_b.resolve():
        raise UserError(f"{folder_a} cannot be compared with itself: name two folders.")
    for folder in (folder_a, folder_b):
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder of clips.")
    own = {path.stem: path for path in sorted(folder_a.iterdir()) if path.is_file()}
    other = {path.stem: path for path in sorted(folder_b.iterdir()) if path.is_file()}
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
            {"id": number, "text": text, "left": _url(left_file), "right": _url(right_file)}
        )
        key.append(Trial(number, left, right, stem))
    name = f"{page.stem}-{seed}"
    content = PAGE.replace("__TRIALS__", json.dumps(trials).replace("</", "<\\/"))
    clips.write_bytes(page, content.replace("__NAME__", name).encode())
    key_file = page.with_suffix(".key.json")
    data = {"page": name, "trials": [asdict(trial) for trial in key]}
    return clips.write_bytes(key_file, json.dumps(data, indent=1).encode())


def count_votes(key_file: str | Path, vote_files: list[str | Path]) -> list[Strength]:
    """Turn the voters' files into a Bradley-Terry table, best system first.

    Raises:
        UserError: if a file is not one of this page's.
    """
    key = _read_json(key_file)
    trials = {trial["id"]: trial for trial in key["trials"]}
    score = {"left": 1.0, "right": 0.0, "tie": 0.5}
    votes = []
    for file in vote_files:
        content = _read_json(file)
        if content.get("page") != key["page"]:
            raise UserError(f"{file} holds votes of another page, not of {key['page']}.")
        for vote in content["votes"]:
            trial = trials[vote["trial"]]
            votes.append((trial["left"], trial["right"], score[vote["choice"]]))
    return bradley_terry(votes)


def _url(file: Path) -> str:
    """The clip as an mp4 data URL: any file name or metadata would tell."""
    clip = clips.read(file)
    with tempfile.TemporaryDirectory() as folder:
        bare = clips.write(clips.Clip(clip.frames, clip.fps), Path(folder) / "clip.mp4")
        data = Path(bare).read_bytes()
    return f"data:video/mp4;base64,{base64.b64encode(data).decode()}"


def _read_json(file: str | Path) -> dict:
    try:
        content = json.loads(Path(file).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise UserError(f"Cannot read {file}: {error}.") from error
    if not isinstance(content, dict) or "page" not in content:
        raise UserError(f"{file} is not a file of a blind comparison.")
    return content
