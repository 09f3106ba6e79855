"""Five hundred hostile files and names through `kinema check`: one sentence each, and no traceback.

    python benchmarks/hostile.py --num-inputs 500 --report docs/results/hostile.md
    python benchmarks/hostile.py --only 123                # one input again, with all it prints

Input i is a function of (seed, i) alone: a folder of up to three hostile files beside a good one,
checked alone or against another such folder, with gates, and with every kind of output. Each runs
in a process of its own. What is asked of every run:

- no traceback, no hang, and nothing left over;
- what cannot be checked is named in one sentence of under 300 characters, and the rest is checked;
- JSON, JSON lines and HTML are UTF-8, JUnit is XML, and no control character reaches the terminal;
- the status is 2 if nothing could be checked, 1 if a gate failed, and 0 otherwise.
"""

import argparse
import json
import multiprocessing
import os
import re
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from pathlib import Path
from xml.etree import ElementTree

os.environ.setdefault("OMP_NUM_THREADS", "1")  # children are forks, which take no threads along

import numpy as np
from children import CRASHED, Outcome, run_child
from fuzz import MAX_LETTERS, MAX_SECONDS, OURS, damaged_bytes, files_in, import_all, last_line

from kinema import clips
from kinema.cli import main as kinema_main

RESULT = Path(__file__).parent.parent / "docs" / "results" / "hostile.md"
SUFFIXES = tuple(clips.FORMATS)
NOBODY = 65534
Rng = np.random.Generator
Maker = Callable[[Rng, Path, Path], None]

# ---- hostile files ---------------------------------------------------------------------------


def good(rng: Rng, path: Path, root: Path) -> None:
    shutil.copy(root / f"clip{rng.choice(SUFFIXES)}", path)


def mutated(rng: Rng, path: Path, root: Path) -> None:
    path.write_bytes(damaged_bytes(rng, (root / f"clip{rng.choice(SUFFIXES)}").read_bytes()))


def truncated(rng: Rng, path: Path, root: Path) -> None:
    whole = (root / f"clip{rng.choice(SUFFIXES)}").read_bytes()
    path.write_bytes(whole[: int(rng.uniform(0.01, 1) * len(whole))])


def empty(rng: Rng, path: Path, root: Path) -> None:
    path.touch()


def huge_header(rng: Rng, path: Path, root: Path) -> None:
    """A GIF, a WebP or a PNG of 65,535 pixels a side, and an MP4 of a box of 2^63 bytes."""
    gif = b"GIF89a" + b"\xff" * 4 + b"\x80\0\0" + bytes(6) + b",\0\0\0\0" + b"\xff" * 4 + b"\0\x02;"
    mp4 = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\1moov" + b"\x7f" + b"\xff" * 7
    webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + b"\xff" * 4 + bytes(8)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\0\xff\xff" * 2 + b"\x08\x02\0\0\0" + bytes(8)
    path.write_bytes([gif, mp4, webp, png][rng.integers(4)])


def other_content(rng: Rng, path: Path, root: Path) -> None:
    """Text, a picture, a playlist, a zip, a subtitle or noise under the name of a video."""
    playlist = b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"
    subtitle = b"1\n00:00:00,000 --> 00:00:01,000\nhello\n"
    texts = [b"not a video", b"\x89PNG\r\n\x1a\n", playlist, b"PK\x03\x04" + bytes(40), subtitle,
             rng.bytes(4096), b"ffconcat version 1.0\nfile /etc/passwd\n"]  # fmt: skip
    path.write_bytes(texts[rng.integers(len(texts))])


def dangling_link(rng: Rng, path: Path, root: Path) -> None:
    path.symlink_to("nowhere")


def looping_link(rng: Rng, path: Path, root: Path) -> None:
    path.symlink_to(path)


def link_to_folder(rng: Rng, path: Path, root: Path) -> None:
    path.symlink_to(root if rng.random() < 0.5 else "/dev/zero")


def fifo(rng: Rng, path: Path, root: Path) -> None:
    os.mkfifo(path)


def listening_socket(rng: Rng, path: Path, root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        here = os.open(path.parent, os.O_RDONLY)
        door.bind(f"/proc/self/fd/{here}/{path.name[:60]}")  # a path of a socket is short
        os.close(here)


def folder(rng: Rng, path: Path, root: Path) -> None:
    path.mkdir()


def forbidden(rng: Rng, path: Path, root: Path) -> None:
    good(rng, path, root)
    path.chmod(0)


MAKERS: dict[str, Maker] = {
    "good": good, "mutated": mutated, "truncated": truncated, "empty": empty,
    "huge header": huge_header, "other content": other_content, "dangling link": dangling_link,
    "looping link": looping_link, "link to a folder or device": link_to_folder, "fifo": fifo,
    "socket": listening_socket, "folder": folder, "forbidden": forbidden,
}  # fmt: skip
STEMS = [
    b"clip", b"\xff\xfe", b"\xc3(", b"a\x1b[2J\x07", b"a\nb", b"a\tb\r", b"--json", b"-o", b"--",
    b"%s%n", b"<b>&\"'", b"]]>", b"a:b", b"http:x", b"pipe:1", b"concat:a|b", b"$(id)", b"*", b" ",
    b"y" * 240, "\u00e9\u202ex".encode(), "\ufffe".encode(), b".hidden", b"a=b", b"a-0",
    "\u8996\u983b".encode(),
]  # fmt: skip


def hostile_name(rng: Rng) -> str:
    """A name of a video, and in half of the cases no kind one."""
    stem = STEMS[rng.integers(len(STEMS))] if rng.random() < 0.5 else b"clip%d" % rng.integers(99)
    suffixes = (*SUFFIXES, ".MP4", ".y4m", ".h264", ".ts")
    return os.fsdecode(stem) + str(rng.choice(suffixes))


def fill(rng: Rng, place: Path, root: Path, kinds: list[str]) -> None:
    """Put files into a folder, each under another name."""
    place.mkdir()
    for kind in kinds:
        path = place / hostile_name(rng)
        if not os.path.lexists(path):
            MAKERS[kind](rng, path, root)


# ---- a run -----------------------------------------------------------------------------------


def command(rng: Rng, here: Path, root: Path, kind: str) -> list[str]:
    """Make the files of a run in a folder, and return the words of its command."""
    kinds = [kind, *rng.choice(list(MAKERS), rng.integers(0, 2)), "good"]
    fill(rng, here / "new", root, kinds)
    if rng.random() < 0.3:
        inside = sorted(str(path) for path in (here / "new").iterdir())
        files = [name.removeprefix(f"{here}/new/") for name in inside]
        os.chdir(here / "new")
        files = ["--", *files] if any(name.startswith("-") for name in files) else files
    else:
        files = ["new"]
    words = []
    for option, name in (("--json", "o.json"), ("--json-lines", "o.jsonl"), ("--html", "o.html"),
                         ("--junit", "o.xml")):  # fmt: skip
        if option == "--json" or rng.random() < 0.6:
            words += [option, str(here / name)]
    if rng.random() < 0.5:
        fill(rng, here / "old", root, [*rng.choice(list(MAKERS), 2), "good"])
        shutil.copy(root / "clip.mp4", here / "old" / "twin.mp4")
        words += ["--against", str(here / "old")]
        words += ["--fidelity"] if rng.random() < 0.5 else []
    if rng.random() < 0.4:
        gate = ["worse: false\n", "errors: true\nmax: {noise: 0.1}\n", "forbid: [frozen, cut]\n"]
        (here / "gate.yaml").write_text(gate[rng.integers(3)])
        words += ["--gate", str(here / "gate.yaml")]
    return ["check", "--jobs", "1", *(["--quiet"] if rng.random() < 0.2 else []), *words, *files]


def as_nobody(words: list[str], folder_: Path) -> int:
    """Run the command as a user whom permissions stop."""
    for path in (folder_, *folder_.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o777)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    return kinema_main(words)


def faults_of(here: Path, outcome: Outcome, before: set[str]) -> list[str]:
    """Compare what a run printed and wrote with what is asked of it."""
    found = []
    if outcome.status == CRASHED or "Traceback (most recent call last)" in outcome.output:
        return ["traceback"]
    if outcome.cpu_seconds > MAX_SECONDS or outcome.status < 0:
        return ["hang"]
    if re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e]", outcome.output):
        found.append("control character")
    new = {name for name in files_in(here) - before if OURS.search(Path(name).name)}
    found += ["left over"] if new else []
    if not (here / "o.json").exists():
        said = last_line(outcome.output)
        is_sentence = said.startswith("kinema: ") and len(said) < MAX_LETTERS and said[-1] in ".?"
        return found + ([] if outcome.status == 2 and is_sentence else ["no sentence"])
    try:
        found += faults_of_documents(here, outcome.status)
    except (ValueError, ElementTree.ParseError) as error:
        found.append(f"document ({type(error).__name__})")
    return found


def faults_of_documents(here: Path, status: int) -> list[str]:
    """Read every document that was written, as its readers do."""
    content = json.loads((here / "o.json").read_bytes().decode("utf-8"))
    json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8")
    if (here / "o.jsonl").exists():
        lines = (here / "o.jsonl").read_bytes().decode("utf-8").splitlines()
        assert [json.loads(line)["file"] for line in lines] == [c["file"] for c in content["clips"]]
    if (here / "o.html").exists():
        (here / "o.html").read_bytes().decode("utf-8")
    if (here / "o.xml").exists():
        ElementTree.fromstring((here / "o.xml").read_bytes())
    found = []
    for clip in content["clips"]:
        said = clip.get("error", "It is fine.")
        if not (len(said) < MAX_LETTERS + 255 and said[-1] in ".?" and "\n" not in said):
            found.append("no sentence")
    nothing = all(clip["verdict"] == "error" for clip in content["clips"])
    failed = any(not gate["passed"] for gate in content["gates"])
    return found + ([] if status == (2 if nothing else int(failed)) else ["status"])


def one_input(number: int, seed: int, root: Path) -> tuple[str, list[str], Outcome]:
    """Make an input in a folder of its own, run it, and clean up."""
    rng = np.random.default_rng([seed, number])
    kind = str(rng.choice(list(MAKERS)))
    here = root / f"input{number}"
    here.mkdir()
    os.chdir(here)
    words = command(rng, here, root, kind)
    before, place = files_in(here), Path.cwd()
    run = partial(as_nobody, words, here) if kind == "forbidden" else partial(kinema_main, words)
    outcome = run_child(lambda: os.chdir(place) or run(), here)
    faults = faults_of(here, outcome, before)
    os.chdir(root)
    shutil.rmtree(here)
    return kind, faults, outcome


def all_inputs(
    numbers: range, seed: int, root: Path, jobs: int
) -> Iterator[tuple[str, list[str], Outcome]]:
    """Run every input, each in a fork of a process that has imported what the command imports."""
    import_all(["checks.check", "checks.vbench", "checks.outputs", "commands.judge"])
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(one_input, numbers, repeat(seed), repeat(root), chunksize=10)


# ---- the page --------------------------------------------------------------------------------


@dataclass
class Campaign:
    """What is counted, by the kind of the first file, and an example of each fault."""

    runs: Counter = field(default_factory=Counter)
    statuses: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, number: int, kind: str, faults: list[str], outcome: Outcome) -> None:
        self.runs[kind] += 1
        self.statuses[kind, outcome.status] += 1
        self.faults[kind] += len(faults)
        if faults:
            self.examples.append(f"    {number} {kind}: {', '.join(faults)}")

    def page(self, seed: int) -> str:
        rows = [
            f"| {kind} | {count} | "
            + " | ".join(str(self.statuses[kind, status]) for status in (0, 1, 2))
            + f" | {self.faults[kind]} |"
            for kind, count in sorted(self.runs.items())
        ]
        total, faults = self.runs.total(), self.faults.total()
        return "\n".join(
            [
                "# Hostile files and names",
                "",
                f"{total} runs of `kinema check`, seed {seed}: {faults} faults. Each run has a "
                "file of the named kind, up to two others, and in half of the runs a folder to "
                "compare with; half of the names hold bytes that are not UTF-8, control "
                "characters, options, or what a shell or XML takes for its own. A fault is a "
                "traceback, a hang, a file left over, an answer that is not one sentence, a "
                "document that its readers refuse, a control character on the terminal, or another "
                f"status than the documented one. Made by `python benchmarks/hostile.py "
                f"--num-inputs {total}`.",
                "",
                "| file | runs | status 0 | status 1 | status 2 | faults |",
                "|---|---|---|---|---|---|",
                *rows,
                *(["", *self.examples[:40]] if self.examples else []),
                "",
            ]
        )


def write_clips(root: Path) -> None:
    """A short clip in every format."""
    y, x = np.mgrid[:48, :64]
    waves = [128 + 60 * np.sin((x + 2 * t) / 5) * np.cos(y / 7) for t in range(12)]
    frames = np.repeat(np.stack(waves)[..., None], 3, -1).astype(np.uint8)
    for suffix in SUFFIXES:
        clips.write(clips.Clip(frames, 8, "a wave \x07\x1b[2J"), root / f"clip{suffix}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Hostile files and names.")
    parser.add_argument("--num-inputs", type=int, default=500, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all of them")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="at the same time")
    parser.add_argument("--only", type=int, metavar="N", help="one input, and all that it prints")
    parser.add_argument("--report", type=Path, default=RESULT, help="the Markdown file to write")
    options = parser.parse_args()
    report = options.report.absolute()
    with tempfile.TemporaryDirectory() as folder_:
        root = Path(folder_)
        root.chmod(0o755)
        write_clips(root)
        if options.only is not None:
            print(one_input(options.only, options.seed, root))
            return
        campaign, numbers = Campaign(), range(options.num_inputs)
        results = all_inputs(numbers, options.seed, root, options.jobs)
        for number, (kind, faults, outcome) in zip(numbers, results, strict=True):
            campaign.add(number, kind, faults, outcome)
            if faults:
                print(number, kind, faults, outcome.status, last_line(outcome.output)[:160])
        report.write_text(campaign.page(options.seed))
    print(f"{campaign.faults.total()} faults in {options.num_inputs} inputs")


if __name__ == "__main__":
    main()
