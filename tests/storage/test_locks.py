import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kinema.errors import UserError
from kinema.storage import locked_file, locked_folder, locks
from kinema.storage.atomic import Process

HOLD = """
import sys
from kinema.storage import locked_folder
with locked_folder(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Start processes that hold a folder until they are killed or their input ends."""
    started = []

    def start(folder):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_live_holder_is_named_and_nothing_is_left(tmp_path, hold):
    folder = tmp_path / "runs" / "x"
    process = hold(folder)
    said = rf"{folder} is in use by process {process.pid} on {socket.gethostname()} since \d\d:\d\d"
    with pytest.raises(UserError, match=said + ": wait for it, or choose another folder"):
        locked_folder(folder).__enter__()
    process.communicate(timeout=20)  # its input ends, and so does its block
    assert not folder.exists()  # made for the lock, and still empty
    with locked_folder(folder):
        assert folder.is_dir()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, hold):
    process = hold(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]
    with locked_folder(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_after_an_error(tmp_path, error):
    with pytest.raises(error), locked_file(tmp_path / "new" / "x.mp4"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_two_files_of_a_folder_do_not_wait_for_each_other(tmp_path):
    a, b = tmp_path / "a.mp4", tmp_path / "b.mp4"
    said = r"a\.mp4 is in use.*choose another file"
    with locked_file(a), locked_file(b), pytest.raises(UserError, match=said):
        locked_file(a).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_stays(tmp_path):
    with locked_folder(tmp_path / "x"):
        (tmp_path / "x" / "y").touch()
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["y"]


def test_a_folder_that_was_removed_meanwhile(tmp_path):
    with locked_folder(tmp_path / "x"):
        (tmp_path / "x" / ".lock").unlink()
        (tmp_path / "x").rmdir()
        with locked_folder(tmp_path / "x"):  # another's, which the first must not remove
            pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_at_once_one_works(tmp_path):
    inside, most = [], []

    def work(_):
        try:
            with locked_folder(tmp_path / "x"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
        except UserError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(work, range(400)))
    assert done >= 1
    assert max(most) == 1
    assert list(tmp_path.rglob("*lock*")) == []


def test_a_lock_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / ".lock").symlink_to(tmp_path / "victim")
    for folder in (tmp_path / "file", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match="Cannot write"):
            locked_folder(folder).__enter__()
    assert not (tmp_path / "victim").exists()


# ---- a file system without locks ------------------------------------------------------------


@pytest.fixture
def no_flock(monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_without_flock_a_live_process_is_believed(tmp_path, no_flock, monkeypatch):
    with locked_folder(tmp_path):
        with pytest.raises(UserError, match=f"in use by process {os.getpid()} "):
            locked_folder(tmp_path).__enter__()
        monkeypatch.setattr(locks.Process, "is_gone", lambda self: True)
        with locked_folder(tmp_path):
            pass


def test_without_flock_another_machine_is_believed(tmp_path, no_flock):
    note = {"pid": 1, "start": "0", "host": "elsewhere", "since": "2020-01-31T14:02"}
    (tmp_path / ".lock").write_text(json.dumps(note))
    said = "process 1 on elsewhere since 2020-01-31 14:02"
    with pytest.raises(UserError, match=said):
        locked_folder(tmp_path).__enter__()
    (tmp_path / ".lock").write_text(json.dumps(note | {"host": socket.gethostname()}))
    with locked_folder(tmp_path):  # process 1 lives, but it is not the one that signed
        pass


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"pid": "x"}', "\xff" * 2000])
def test_a_note_that_nobody_wrote_stops_nobody(tmp_path, no_flock, text):
    (tmp_path / ".lock").write_text(text)
    with locked_folder(tmp_path):
        assert Process.current() == locks.read_note(os.open(tmp_path / ".lock", os.O_RDONLY))[0]


def test_a_full_disk_leaves_no_lock(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UserError, match="the disk is full"), locked_file(tmp_path / "x"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_child_does_not_hold_the_lock_of_a_parent_that_is_gone(tmp_path):
    """The children of a killed process live on for a moment."""
    ready, go = os.pipe(), os.pipe()
    parent = os.fork()
    if parent == 0:
        with locked_folder(tmp_path / "run"):
            if os.fork() == 0:
                os.read(go[0], 1)
                os._exit(0)
            os.write(ready[1], b"x")
            os.read(go[0], 1)
    os.read(ready[0], 1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    with locked_folder(tmp_path / "run"):
        pass
    os.write(go[1], b"xx")
