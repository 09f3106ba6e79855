import sys
import types

import pytest

from kinema import cli
from kinema.probes import PROBES


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


def test_probe_calls_the_function(capsys, monkeypatch):
    called = {}

    def measure(count: int = 8) -> None:
        """Measure.

        Args:
            count: how many.
        """
        called["count"] = count

    fake_module(monkeypatch, "some.probe", measure=measure)
    fake_module(monkeypatch, "kinema.probes", PROBES={"speed": "some.probe:measure"}, MOVED={})
    assert run(capsys, "probe", "speed", "--count", "3")[0] == 0
    assert called == {"count": 3}
    assert "speed" in run(capsys, "probe", "--list")[1]
    assert "--count" in run(capsys, "probe", "speed", "--help")[1]
    status, _, err = run(capsys, "probe", "sped")
    assert status == 2 and "did you mean 'speed'?" in err


def test_a_probe_without_files_refuses_them(capsys, monkeypatch):
    fake_module(monkeypatch, "some.probe", measure=lambda count=8: None)
    fake_module(monkeypatch, "kinema.probes", PROBES={"speed": "some.probe:measure"}, MOVED={})
    status, _, err = run(capsys, "probe", "speed", "a.mp4")
    assert status == 2 and "kinema probe speed takes no files: 'a.mp4'" in err


@pytest.mark.parametrize("option", [["--jobs", "3"], ["--quiet"], ["--gate", "a.yaml"]])
def test_options_that_ask_no_people_do_not_go_with_blind(capsys, option):
    status, _, err = run(capsys, "check", "--blind", "old", "new", *option)
    assert status == 2 and f"{option[0]} does not go with --blind" in err


def test_a_probe_that_is_a_study_now_is_named(capsys):
    status, _, err = run(capsys, "probe", "ladder")
    assert status == 2 and "python -m studies.ladder" in err
