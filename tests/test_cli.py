"""Commands run in this process; only what needs a process of its own gets one."""

import errno
import logging
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from safetensors import SafetensorError

import kinema
from kinema import cli
from kinema.errors import Notice, UserError


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_the_first_page(capsys, argv):
    status, out, _ = run(capsys, *argv)
    assert status == 0
    for commands in cli.COMMANDS.values():
        assert all(name in out for name in commands)
    assert 'kinema generate "a red ball' in out


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, f"{kinema.__version__}\n")


def test_unknown_command(capsys):
    status, _, err = run(capsys, "genrate")
    assert (status, err.count("\n")) == (2, 1)
    assert "did you mean 'generate'?" in err


@pytest.mark.parametrize("command", ["generate", "world", "denoisers", "info"])
def test_every_command_has_a_page(capsys, command):
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    assert f"kinema {command}" in capsys.readouterr().out


def failing(error: BaseException):
    def command(argv):
        raise error

    return {"Test": {"fail": command}}


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UserError("The prompt is empty."), 2, "kinema: The prompt is empty."),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "a.mp4"),
            2,
            "kinema: a.mp4: No such file.",
        ),
        (PermissionError(errno.EACCES, "", "a"), 2, "kinema: a: this user has no permission"),
        (OSError(errno.ENOSPC, "", "a"), 2, "kinema: a: the disk is full; free some space"),
        (OSError(errno.ENAMETOOLONG, "", "a" * 999), 2, "...: the name is too long; choose"),
        (OSError(errno.EIO, "Input/output error"), 2, "kinema: A file: Input/output error."),
        (OSError("Nothing can be read."), 2, "kinema: A file cannot be used: Nothing can be read."),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), 2, "is not text in UTF-8"),
        (MemoryError(), 2, "kinema: There is not enough memory for this"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "not enough memory"),
        (SafetensorError("I/O error: No space (os error 28)"), 2, "the disk is full"),
        (SafetensorError("header too large"), 2, "kinema: A file of weights cannot be read"),
        (RuntimeError("PytorchStreamWriter failed writing file"), 2, "the disk is full"),
        (KeyboardInterrupt(), 130, "kinema: interrupted."),
    ],
)
def test_mistakes_are_one_line(capsys, monkeypatch, error, status, said):
    monkeypatch.setattr(cli, "COMMANDS", failing(error))
    found, out, err = run(capsys, "fail")
    assert (found, out, err.count("\n")) == (status, "", 1)
    assert said in err and err.endswith(".\n") and len(err) < 300


@pytest.mark.parametrize("text", ["x" * 999, "two\n lines", "what is asked?", "é\t" * 400])
def test_any_answer_is_one_short_sentence(capsys, monkeypatch, text):
    """What the user typed, and what other libraries say, is part of many answers."""
    monkeypatch.setattr(cli, "COMMANDS", failing(UserError(text)))
    _, _, err = run(capsys, "fail")
    assert err.count("\n") == 1 and err[-2] in ".?" and len(err) < 300
    assert text[:1] in err


@pytest.mark.parametrize(
    "error", [RuntimeError("bug"), ValueError("bug"), AssertionError("bug"), KeyError("bug")]
)
def test_bugs_keep_their_traceback(monkeypatch, error):
    monkeypatch.setattr(cli, "COMMANDS", failing(error))
    with pytest.raises(type(error)):
        cli.main(["fail"])


def test_notices_are_one_line_and_other_warnings_stay(capsys, monkeypatch):
    def command(argv):
        warnings.warn("It makes 16x32.", Notice, stacklevel=1)

    monkeypatch.setattr(cli, "COMMANDS", {"Test": {"warn": command}})
    assert run(capsys, "warn") == (0, "", "kinema: It makes 16x32.\n")


def logs(argv):
    for level in ("debug", "info", "warning"):
        getattr(logging.getLogger("kinema.some.room"), level)("this is %s", level)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], ["info", "warning"]),
        (["--log-level", "debug"], ["debug", "info", "warning"]),
        (["--log_level=warning"], ["warning"]),
        (["--log-level", "ERROR"], []),
    ],
)
def test_library_messages_have_levels(capsys, monkeypatch, argv, told):
    monkeypatch.setattr(cli, "COMMANDS", {"Test": {"logs": logs}})
    expected = "".join(f"kinema: this is {level}\n" for level in told)
    assert run(capsys, "logs", *argv) == (0, "", expected)
    assert run(capsys, *argv, "logs") == (0, "", expected)
    assert logging.getLogger("kinema").handlers == []


def test_an_unknown_log_level_is_refused(capsys):
    status, _, err = run(capsys, "info", "--log-level", "debugg")
    assert status == 2 and "did you mean 'debug'?" in err
    assert run(capsys, "info", "--log-level")[0] == 2


def test_debug_shows_where_a_mistake_happened(capsys, monkeypatch):
    monkeypatch.setattr(cli, "COMMANDS", failing(UserError("The prompt is empty.")))
    _, _, err = run(capsys, "fail", "--log-level", "debug")
    assert "Traceback" in err and err.endswith("kinema: The prompt is empty.\n")


def test_ctrl_c_leaves_no_partial_file(tmp_path):
    code = """
import os, signal, sys
from kinema import cli, clips
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored

def encode(clip, note, path):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGINT)

def command(argv):
    import numpy as np
    clips.FORMATS[".mp4"] = encode
    clips.write(clips.Clip(np.zeros((1, 8, 8, 3), np.uint8), 8), argv[0])

cli.COMMANDS = {"Test": {"write": command}}
sys.exit(cli.main(["write", sys.argv[1]]))
"""
    target = tmp_path / "x.mp4"
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "kinema: interrupted.\n")
    assert not list(tmp_path.iterdir())


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m kinema.cli --help | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=Path.cwd())
    assert done.stderr == ""
