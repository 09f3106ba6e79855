import importlib
import sys
import types
from dataclasses import dataclass

import pytest

from kinema import cli
from kinema.probes import PROBES
from kinema.reports import Report


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def fake_module(monkeypatch, name: str, **values) -> None:
    monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**values))


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_has_a_page(capsys, name):
    status, out, _ = run(capsys, "probe", name, "--help")
    assert status == 0 and f"kinema probe {name} [OPTIONS]" in out


@pytest.mark.parametrize("name", PROBES)
def test_the_list_says_what_every_probe_asks(capsys, name):
    status, out, _ = run(capsys, "probe", "--list")
    assert status == 0 and f"{name} {PROBES[name]}" in " ".join(out.split())
    face = importlib.import_module(f"kinema.probes.{name}")
    assert face.__doc__ == f"`kinema probe {name}`: {PROBES[name]}"


@dataclass
class Speed:
    """Measure."""

    count: int = 8  # how many
    report: str | None = None  # a page


def ask(probe: Speed) -> Report:
    return Report(f"It was {probe.count}.", "kinema probe speed", "", [])


@pytest.fixture
def speed(monkeypatch):
    fake_module(monkeypatch, "kinema.probes", PROBES={"speed": "how fast?"}, MOVED={}, __path__=[])
    fake_module(monkeypatch, "kinema.probes.speed", run=ask)


def test_a_probe_is_asked_and_its_report_published(capsys, speed, tmp_path):
    page = tmp_path / "page.md"
    status, out, _ = run(capsys, "probe", "speed", "--count", "3", "--report", str(page))
    assert status == 0 and "It was 3." in out and page.read_text().startswith("# It was 3.")
    assert "how fast?" in run(capsys, "probe", "--list")[1]
    assert "--count" in run(capsys, "probe", "speed", "--help")[1]
    status, _, err = run(capsys, "probe", "sped")
    assert status == 2 and "did you mean 'speed'?" in err


def test_a_page_that_cannot_be_written_is_told_before_the_probe_is_asked(capsys, speed, tmp_path):
    status, out, err = run(capsys, "probe", "speed", "--report", str(tmp_path / "a.json"))
    assert status == 2 and "let it end in .md" in err and out == ""


def test_a_probe_without_files_refuses_them(capsys, speed):
    status, _, err = run(capsys, "probe", "speed", "a.mp4")
    assert status == 2 and "kinema probe speed takes no files: 'a.mp4'" in err


@pytest.mark.parametrize("option", [["--jobs", "3"], ["--quiet"], ["--gate", "a.yaml"]])
def test_options_that_ask_no_people_do_not_go_with_blind(capsys, option):
    status, _, err = run(capsys, "check", "--blind", "old", "new", *option)
    assert status == 2 and f"{option[0]} does not go with --blind" in err


def test_a_probe_that_is_a_study_now_is_named(capsys):
    status, _, err = run(capsys, "probe", "ladder")
    assert status == 2 and "python -m studies.ladder" in err


def test_options_of_check_that_do_not_go_together(tmp_path, capsys):
    assert cli.main(["check", "a.mp4", "--verdicts", "report.json"]) == 2
    assert "--verdicts goes with --blind" in capsys.readouterr().err
    assert cli.main(["check", "a.mp4", "--json", "-", "--json-lines", "-"]) == 2
    assert "name a file for one of them." in " ".join(capsys.readouterr().err.split())
    assert cli.main(["check", "a.mp4", "--vbench", str(tmp_path)]) == 2
    assert "is a folder, not a VBench file" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["check", "a.mp4", "--lpips", "none.pth", "none.pth"]) == 2
    assert "none.pth" in capsys.readouterr().err
