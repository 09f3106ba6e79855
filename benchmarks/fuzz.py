"""Ten thousand damaged, hostile and mistyped inputs: every answer is one sentence.

    python benchmarks/fuzz.py --num-inputs 10000 --report docs/results/fuzz.md
    python benchmarks/fuzz.py --only 1234                 # one input again, with all that it prints

Input i is a function of (seed, i) alone. Each runs in a process of its own, in an empty folder.
Counted are: tracebacks; hangs, over 20 s of processor time; files left over by what was refused;
and answers that are not one sentence under 300 characters with status 2.
"""

import argparse
import gc
import importlib
import json
import multiprocessing
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # children are forks, which take no threads along

import numpy as np
import torch
from children import CRASHED, Outcome, run_child
from PIL import Image
from safetensors.torch import save_file

from kinema import clips
from kinema.cli import main as kinema_main
from kinema.clips import Clip, ClipFolder
from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.conditions import SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DiT, DiTConfig
from kinema.storage.weights import read_weights
from kinema.training.metrics_log import MetricsLog
from kinema.video import System, VideoPipeline

RESULT = Path(__file__).parent.parent / "docs" / "results" / "fuzz.md"
MAX_SECONDS, MAX_LETTERS = 20, 300
REPORT_EVERY = 100  # inputs: the page of a run that is stopped holds what it did
REPORT = "o.json"  # of `kinema check`, which also says what could not be checked
OURS = re.compile(r"\.part$|\.lock$|\.partial$|^\.tmp")  # what no run may leave, whatever its end
FRAMES = (12, 32, 48)
COMMANDS = ("budget", "checks.check", "checks.distance", "recipes", "worlds.writing", "probes")
Rng = np.random.Generator


@dataclass
class Case:
    """One input.

    Attributes:
        kind: what was damaged.
        about: a word on it.
        run: what reads it; its exit status.
    """

    kind: str
    about: str
    run: Callable[[], int | None]


# ---- ways to damage -------------------------------------------------------------------------

VALUES = ["", "-1", "0", "nan", "inf", "-inf", "1e9", "1000000000", "99999999999999999999", "x",
          "../x", "a:b", "/dev/null", "/dev", ".", "é" * 200, "y" * 300, "null", "true", "[1, 2]",
          "{a: 1}", "1x1", "0x0", "99999x99999", "-1x-1", "1.5", "None", "\x00", "\udcff", "--",
          "%s", "\n", "a b"]  # fmt: skip
JSON_VALUES = [None, True, -1, 0, 1.5, 10**9, 10**30, -(10**9), "", "x", "1", [], {}, [1], [[]],
               {"a": 1}, "é" * 300, float("nan"), float("inf"), [1, 2, 3], "../x"]  # fmt: skip


def damaged_bytes(rng: Rng, data: bytes) -> bytes:
    """Flip, cut, zero, repeat or insert, once or a few times."""
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        at, length = int(rng.integers(len(data))), int(2 ** rng.uniform(0, 8))
        part = data[at : at + length]
        noise = rng.integers(0, 256, length, np.uint8).tobytes()
        ways = [noise, bytes(length), b"\xff" * length, part + part, noise + part, b""]
        data = data[:at] + ways[rng.integers(len(ways))] + data[at + length :]
        if rng.random() < 0.2:
            data = data[: int(rng.integers(len(data) + 1))]
    return data


def damaged_values(rng: Rng, values: object) -> object:
    """Replace, remove or add one value somewhere in a tree of JSON values."""
    if isinstance(values, dict) and values and rng.random() < 0.9:
        key = list(values)[rng.integers(len(values))]
        changed = {**values, key: damaged_values(rng, values[key])}
        if rng.random() < 0.15:
            del changed[key]
        if rng.random() < 0.1:
            changed[key + "x"] = 1
        return changed
    if isinstance(values, list) and values and rng.random() < 0.6:
        at = rng.integers(len(values))
        return [*values[:at], damaged_values(rng, values[at]), *values[at + 1 :]]
    return JSON_VALUES[rng.integers(len(JSON_VALUES))]


def damaged_text(rng: Rng, text: str) -> bytes:
    """Damage JSON or YAML as values, if it is JSON, or as bytes."""
    if text.startswith("{") and "\n{" not in text and rng.random() < 0.7:
        return json.dumps(damaged_values(rng, json.loads(text))).encode()
    return damaged_bytes(rng, text.encode())


def damaged_file(rng: Rng, path: Path) -> None:
    data = path.read_bytes()
    is_text = path.suffix in (".json", ".jsonl", ".yaml")
    path.write_bytes(damaged_text(rng, data.decode()) if is_text else damaged_bytes(rng, data))


# ---- what is damaged ------------------------------------------------------------------------


def write_models(root: Path) -> None:
    """A system of a few thousand weights, clips of every format, lists, and what a run leaves."""
    torch.manual_seed(0)
    words = ["a red ball rolls to the right", "behind a blue cube"]
    text = SmallTextEncoder.from_corpus(words, SmallTextConfig(dim=16, depth=1, num_heads=2))
    codec = CausalVAE(
        CausalVAEConfig(channels=4, widths=(8, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))
    )
    denoiser = DiT(DiTConfig(4, dim=32, depth=1, num_heads=2, text_dim=16))
    system = System(num_frames=9, size=(16, 24), num_steps=1, overlap=5, guidance_scale=2)
    VideoPipeline(denoiser, codec, text, system).save_pretrained(root / "tiny")
    frames = np.random.default_rng(0).integers(0, 256, (*FRAMES, 3)).astype(np.uint8)
    (root / "set").mkdir()
    for suffix in clips.FORMATS:
        clips.write(Clip(frames, 8, "a ball", {"seed": 1}), root / "set" / f"clip{suffix}")
    for suffix in ("png", "jpg", "webp", "bmp"):
        Image.fromarray(frames[0]).save(root / f"image.{suffix}")
    rows = [{"file_name": f"clip{suffix}", "text": "a ball"} for suffix in clips.FORMATS]
    (root / "set" / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    save_file({"a.weight": torch.randn(4, 4), "b": torch.zeros(3)}, root / "w.safetensors")
    torch.save({"state_dict": {"a.weight": torch.randn(4, 4)}}, root / "w.pth")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(root / "script.pt"))
    lines = [{"samples": 8 * n, "loss": 0.5} for n in range(9)]
    (root / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (root / "gates.yaml").write_text("flicker: {max: 0.5}\nmotion: {min: 0.1}\n")


def mistyped_options(rng: Rng, root: Path) -> Case:
    tiny = ["--model", str(root / "tiny"), "--num-steps", "1", "--num-frames", "5", "-o", "o.mp4"]
    clip = str(root / "set" / "clip.mp4")
    bases = [
        ["generate", "a red ball", *tiny],
        ["generate", "0: a red ball; 6: a cube", *tiny, "--long", "sliding"],
        ["generate", "a ball", *tiny, "--image", str(root / "image.png")],
        ["world", "tabletop", "-n", "1", "--size", "16", "--frames", "2", "-o", "w"],
        ["world", "discs", "-n", "1", "--size", "16", "--frames", "2", "-o", "w", "--level", "2"],
        ["check", clip, "--jobs", "1", "--json", "o.json"],
        ["check", clip, "--jobs", "1", "--gate", str(root / "gates.yaml")],
        ["distance", str(root / "set"), str(root / "set"), "--features", "motion"],
        ["budget", "generate", "--model", str(root / "tiny"), "--num-frames", "9"],
        ["train", "tabletop", "--loop.num_samples", "8", "--folder", "run"],
        ["train", "physics-uniform", "--loop.seed", "1", "--folder", "run"],
    ]
    words = list(bases[rng.integers(len(bases))])
    last = ["--print-config"] if words[0] == "train" else []  # what is right would train
    for _ in range(rng.integers(1, 3)):
        at = int(rng.integers(len(words)))
        value = VALUES[rng.integers(len(VALUES))]
        ways = [
            [value], [words[at] + "x"], [], [words[at], words[at]], [words[at].replace("-", "_")],
        ]  # fmt: skip
        words[at : at + 1] = ways[rng.choice(5, p=[0.6, 0.1, 0.1, 0.1, 0.1])]
        words = words or [""]
    words += last
    return Case("options", " ".join(words), partial(kinema_main, words))


def damaged_clip(rng: Rng, root: Path) -> Case:
    name = f"clip{list(clips.FORMATS)[rng.integers(4)]}"
    shutil.copy(root / "set" / name, name)
    damaged_file(rng, Path(name))
    tiny = ["--model", str(root / "tiny"), "--num-frames", "5", "--size", "16", "-o", "o.mp4"]
    doors: list[Callable[[], int | None]] = [
        lambda: kinema_main(["check", name, "--jobs", "1"]),
        lambda: kinema_main(["generate", "a ball", "--continue-from", name, *tiny]),
        lambda: as_command(lambda: clips.read(name)),
        lambda: as_command(lambda: clips.read(name, fps=30, start=2, size=(16, 16))),
    ]
    return Case("clips", name, doors[rng.choice(4, p=[0.2, 0.1, 0.4, 0.3])])


def damaged_picture(rng: Rng, root: Path) -> Case:
    name = f"image.{['png', 'jpg', 'webp', 'bmp'][rng.integers(4)]}"
    shutil.copy(root / name, name)
    damaged_file(rng, Path(name))
    return Case("pictures", name, lambda: as_command(lambda: clips.read_image(name)))


def hostile_note(rng: Rng, root: Path) -> Case:
    own = {"text": "a", "fps": 8, "num_frames": 12, "size": [32, 48]}
    comment = damaged_text(rng, json.dumps({"kinema": own, "seed": 1})).decode("utf-8", "replace")
    name = f"clip{list(clips.FORMATS)[rng.integers(4)]}"
    clip = Clip(np.zeros((*FRAMES, 3), np.uint8), 8)
    clips.FORMATS[Path(name).suffix](clip, comment.replace("\0", ""), Path(name))
    Path("metadata.jsonl").write_text(json.dumps({"file_name": name}))
    doors = [
        lambda: as_command(lambda: (clips.inspect(name), clips.read(name))),
        lambda: as_command(lambda: ClipFolder(".", 5, (16, 16))[0]),
        lambda: kinema_main(["check", name, "--jobs", "1"]),
    ]
    return Case("notes", f"{name} {comment[:80]}", doors[rng.choice(3, p=[0.5, 0.4, 0.1])])


def damaged_folder(rng: Rng, root: Path) -> Case:
    shutil.copytree(root / "set", "set")
    files = sorted(Path("set").iterdir())
    victim = Path("set/metadata.jsonl") if rng.random() < 0.7 else files[rng.integers(len(files))]
    if victim.suffix == ".jsonl" and rng.random() < 0.7:
        lines = victim.read_text().splitlines()
        at = rng.integers(len(lines))
        lines[at] = damaged_text(rng, lines[at]).decode("utf-8", "replace")
        victim.write_text("\n".join(lines))
    else:
        damaged_file(rng, victim)
    read = partial(as_command, lambda: [*map(ClipFolder("set", 5, (16, 16)).clip, range(3))])
    return Case("folders", victim.name, read)


def damaged_system(rng: Rng, root: Path) -> Case:
    shutil.copytree(root / "tiny", "tiny")
    files = sorted(path for path in Path("tiny").rglob("*") if path.is_file())
    victim = files[rng.integers(len(files))]
    if rng.random() < 0.8:  # as old systems are, in which damage is not found by checksums
        record = json.loads(Path("tiny/system.json").read_text())
        del record["checksums"]
        Path("tiny/system.json").write_text(json.dumps(record))
    damaged_file(rng, victim)
    words = ["generate", "a ball", "--model", "./tiny", "--num-frames", "5", "-o", "o.mp4"]
    return Case("systems", str(victim), partial(kinema_main, words))


def damaged_weights(rng: Rng, root: Path) -> Case:
    name = ["w.safetensors", "w.pth", "script.pt"][rng.integers(3)]
    shutil.copy(root / name, name)
    damaged_file(rng, Path(name))
    if name == "script.pt":
        from kinema.storage.torchscript import is_torchscript, read_torchscript

        read = lambda: is_torchscript(name) and read_torchscript(name)  # noqa: E731
    else:
        read = lambda: read_weights(name)  # noqa: E731
    return Case("weights", name, lambda: as_command(read))


def damaged_yaml(rng: Rng, root: Path) -> Case:
    if rng.random() < 0.3:
        shutil.copy(root / "gates.yaml", "gates.yaml")
        damaged_file(rng, Path("gates.yaml"))
        clip = str(root / "set" / "clip.mp4")
        words = ["check", clip, "--jobs", "1", "--gate", "gates.yaml"]
        return Case("YAML", "gates.yaml", partial(kinema_main, words))
    values = {"loop": {"num_samples": 8, "seed": 1}, "folder": "run", "workers": 0}
    Path("run.yaml").write_bytes(damaged_text(rng, json.dumps(values)))
    words = ["train", "tabletop", "--config", "run.yaml", "--print_config"]
    return Case("YAML", "run.yaml", partial(kinema_main, words))


def damaged_cache(rng: Rng, root: Path) -> Case:
    Path("run").mkdir()
    shutil.copy(root / "metrics.jsonl", "run/metrics.jsonl")
    damaged_file(rng, Path("run/metrics.jsonl"))

    def resume() -> None:
        MetricsLog(Path("run"), 100, samples=40).events.close()
        shutil.rmtree("run/tensorboard")

    return Case("caches", "metrics.jsonl", lambda: as_command(resume))


KINDS = [mistyped_options, damaged_clip, damaged_picture, hostile_note, damaged_folder,
         damaged_system, damaged_weights, damaged_yaml, damaged_cache]  # fmt: skip
SHARES = [0.25, 0.2, 0.08, 0.1, 0.1, 0.12, 0.07, 0.05, 0.03]


def as_command(read: Callable[[], object]) -> int:
    """Answer as the command line does."""

    def run(argv: list[str]) -> int:
        read()
        return 0

    return kinema_main([], run)


# ---- what became of it ----------------------------------------------------------------------


@dataclass
class Campaign:
    """What is counted, and the first examples of each fault."""

    inputs: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, number: int, kind: str, faults: list[str], outcome: Outcome) -> None:
        self.inputs[kind] += 1
        self.refused[kind] += outcome.status == 2
        for fault in faults:
            self.faults[kind, fault] += 1
            said = last_line(outcome.output)[:200]
            self.examples.append(f"{number} {kind}: {fault}, status {outcome.status}: {said}")


FAULTS = ("traceback", "hang", "left over", "no sentence", "no full stop")


def faults_of(outcome: Outcome, before: set[str], after: set[str]) -> list[str]:
    """What is wrong with an outcome, a list of FAULTS."""
    found = []
    if outcome.status == CRASHED or "Traceback (most recent call last)" in outcome.output:
        found.append("traceback")
    if outcome.cpu_seconds > MAX_SECONDS:
        return ["hang"]
    said = last_line(outcome.output)
    is_answer = said.startswith("kinema: ") or ": not checked: " in said  # of `kinema check`
    if outcome.status == 2 and not (is_answer and len(said) < MAX_LETTERS):
        found.append("no sentence")
    elif outcome.status == 2 and said[-1] not in ".?":
        found.append("no full stop")
    if outcome.status not in (0, 1, 2, CRASHED):
        found.append("no sentence")  # killed, or a status nobody documents
    new = after - before - {REPORT}
    refused = outcome.status == 2 and ": not checked: " not in said  # which is a line of a report
    if any(OURS.search(Path(name).name) for name in new) or (refused and new):
        found.append("left over")
    return found


def last_line(output: str) -> str:
    return (output.strip().splitlines() or [""])[-1]


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def one_input(number: int, seed: int, root: Path) -> tuple[str, list[str], Outcome]:
    """Make an input in a folder of its own, run it, and clean up."""
    rng = np.random.default_rng([seed, number])
    make = KINDS[rng.choice(len(KINDS), p=SHARES)]
    folder = root / f"input{number}"
    folder.mkdir()
    os.chdir(folder)
    case = make(rng, root)
    before = files_in(folder)
    outcome = run_child(case.run, folder)
    faults = faults_of(outcome, before, files_in(folder))
    os.chdir(root)
    shutil.rmtree(folder)
    return case.kind, faults, outcome


def import_all(names: Iterable[str]) -> None:
    """Import modules of kinema here, once, and not in every fork."""
    for name in names:
        importlib.import_module(f"kinema.{name}")
    gc.freeze()  # forks share what is not looked at


def all_inputs(
    numbers: range, seed: int, root: Path, jobs: int
) -> Iterator[tuple[str, list[str], Outcome]]:
    """Run every input, each in a fork of a process that has imported what commands import."""
    import_all(COMMANDS)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(one_input, numbers, repeat(seed), repeat(root), chunksize=20)


def report(campaign: Campaign, seed: int) -> str:
    rows = [
        f"| {kind} | {count:,} | {campaign.refused[kind]:,} | "
        + " | ".join(f"{campaign.faults[kind, fault]:,}" for fault in FAULTS)
        + " |"
        for kind, count in sorted(campaign.inputs.items())
    ]
    total = sum(campaign.inputs.values())
    head = f"| input | n | refused | {' | '.join(FAULTS)} |\n|{'---|' * (3 + len(FAULTS))}\n"
    return "\n\n".join(
        [
            "# Damaged, hostile and mistyped inputs",
            f"{total:,} inputs, seed {seed}, each in a process of its own. A hang is over "
            f"{MAX_SECONDS} s of processor time; left over is a file of a run that was refused, or "
            f"a lock or partial file of any run; no sentence is an answer of more than "
            f"{MAX_LETTERS} characters or lines, or of another status than 0, 1 and 2. Made by "
            f"`python benchmarks/fuzz.py --num-inputs {total}`.",
            head + "\n".join(rows),
            *(f"    {line}" for line in campaign.examples[:60]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Damaged, hostile and mistyped inputs.")
    parser.add_argument("--num-inputs", type=int, default=1000, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all of them")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="at the same time")
    parser.add_argument("--only", type=int, metavar="N", help="one input, and all that it prints")
    parser.add_argument("--report", type=Path, default=RESULT, help="the Markdown file to write")
    options = parser.parse_args()
    report_file = options.report.absolute()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        written = run_child(lambda: write_models(root), root)
        assert written.status == 0, written.output
        if options.only is not None:
            print(one_input(options.only, options.seed, root))
            return
        numbers = range(options.first, options.first + options.num_inputs)
        campaign = Campaign()
        for number, (kind, faults, outcome) in zip(
            numbers, all_inputs(numbers, options.seed, root, options.jobs), strict=True
        ):
            campaign.add(number, kind, faults, outcome)
            if faults:
                print(campaign.examples[-1], flush=True)
            if campaign.inputs.total() % REPORT_EVERY == 0 or number == numbers[-1]:
                report_file.write_text(report(campaign, options.seed) + "\n")
    print(f"{campaign.faults.total()} faults in {options.num_inputs} inputs")


if __name__ == "__main__":
    main()
