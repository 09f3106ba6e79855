"""The JSON of `kinema check`: what docs/check.md says and what the command writes are one thing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kinema import clips
from kinema.checks.check import run
from kinema.checks.clip_report import SCHEMA
from kinema.checks.encoders import Backends
from kinema.checks.outputs import Outputs
from kinema.checks.vbench import VBench
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS

# Of these the page shows two.
SHORTENED = {"report.clips[0].scores", "report.clips[0].vbench", "report.vbench.dimensions"}
PAGE = Path(__file__).parents[2] / "docs" / "check.md"
NAMES = {
    *("flicker", "swimming", "jitter", "shuffle", "teleport", "cut"),
    *("drift", "collapse", "blur", "stutter", "frozen", "noise"),
}


@pytest.fixture(scope="module")
def documented():
    return json.loads(re.search(r"```json\n(.*?)```", PAGE.read_text(), re.S)[1])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Five noisy clips beside clean ones, a file that is no video and has no twin, a gate."""
    root = tmp_path_factory.mktemp("schema")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :64]
    wave = [128 + 60 * np.sin((x + t) / 4) * np.cos(y / 6) for t in range(12)]
    clean = np.repeat(np.stack(wave)[..., None], 3, -1)
    noisy = clean + 20 * rng.standard_normal(clean.shape)
    for k in range(5):
        for folder, frames in (("new", noisy), ("old", clean)):
            clip = clips.Clip(frames.clip(0, 255).astype(np.uint8), 8.0, "a wave")
            clips.write(clip, root / folder / f"{k}.mkv")
    (root / "new" / "lonely.mp4").write_text("no video")
    (root / "gate.yaml").write_text("forbid: [noise]\n")
    target = root / "report.json"
    options = {"against": str(root / "old"), "gate": str(root / "gate.yaml"), "jobs": 1}
    options["backends"] = Backends(fidelity=True, vbench=VBench())
    assert run([str(root / "new")], **options, outputs=Outputs(json=str(target), quiet=True)) == 1
    return json.loads(target.read_text())


def same_shape(one, other, where, optional=()):
    """Assert that two JSON values have the same keys and types; lists by their first entries."""
    if one is None or other is None:  # what is not known or was not asked
        return
    kinds = [int if isinstance(value, float) else type(value) for value in (one, other)]
    assert kinds[0] is kinds[1], where
    if isinstance(one, dict):
        assert one.keys() - {*optional} == other.keys() - {*optional}, where
        for key in one.keys() & other.keys():
            if f"{where}.{key}" not in SHORTENED:
                same_shape(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list) and one and other:
        same_shape(one[0], other[0], f"{where}[0]", ["error"])


def test_the_version_is_the_documented_one(documented, written):
    assert documented["schema"] == written["schema"] == SCHEMA
    assert f"## The JSON, version {SCHEMA}" in PAGE.read_text()


def test_every_key_is_documented_and_every_documented_key_is_written(documented, written):
    assert all(written[key] for key in documented)  # nothing is empty, so all is compared
    same_shape(documented, written, "report")


def test_what_cannot_be_read_has_the_same_keys_and_an_error(documented, written):
    (bad,) = (clip for clip in written["clips"] if clip["file"].endswith("lonely.mp4"))
    assert bad.keys() == documented["clips"][0].keys()
    assert bad["verdict"] == "error"


def test_values_are_among_the_documented(documented, written):
    for part in ("clips", "pairs"):
        allowed = documented[part][0]["verdict"].split(" | ")
        assert {entry["verdict"] for entry in written[part]} <= {*allowed}
    assert documented["clips"][0]["scores"].keys() <= METRICS.keys()
    assert written["clips"][0]["scores"].keys() == METRICS.keys()


def test_the_failures_have_the_documented_names(written):
    assert FAULTS.keys() == NAMES
    failures = PAGE.read_text().split("\n## Failures\n")[1].split("\n## ")[0]
    table = re.findall(r"^\| `(\w+)` \|", failures, re.M)
    assert {*table} == NAMES
    assert {failure["name"] for clip in written["clips"] for failure in clip["failures"]} <= NAMES


def test_the_least_that_others_build_on(written):
    clip, pair = written["clips"][0], written["pairs"][0]
    assert {"file", "verdict", "failures", "scores"} <= clip.keys()
    assert {"name", "rung", "frames", "confidence"} <= clip["failures"][0].keys()
    assert {"file", "against", "verdict", "reasons"} <= pair.keys()
