import errno
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from kinema.errors import UserError
from kinema.storage import atomic as files
from kinema.storage import (
    require_file,
    whole_file,
    whole_folder,
    write_bytes,
    write_text,
)
from kinema.storage.atomic import Process, read_object


def test_write_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b" / "x.bin"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["x.bin"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_nothing(tmp_path, error):
    def interrupted():
        with whole_file(tmp_path / "x.bin") as partial:
            partial.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your share of the disk"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EIO, "Input/output"),
    ],
)
def test_failed_writes_are_one_sentence(tmp_path, monkeypatch, code, said):
    def fail(path, data):
        path.touch()
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.Path, "write_bytes", fail)
    with pytest.raises(UserError, match=f"x.bin.*{said}"):
        write_bytes(tmp_path / "x.bin", b"data")
    assert not list(tmp_path.iterdir())


def test_the_old_file_survives_a_failed_write(tmp_path):
    path = write_bytes(tmp_path / "x.bin", b"old")
    with pytest.raises(UserError), whole_file(path) as partial:
        partial.write_bytes(b"new")
        raise OSError(errno.ENOSPC, "full")
    assert path.read_bytes() == b"old"


def test_places_that_cannot_hold_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UserError, match="is a folder"):
        write_bytes(tmp_path, b"")
    with pytest.raises(UserError, match="is a file, not a folder"):
        write_bytes(tmp_path / "file" / "x.bin", b"")
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="may not be written"):
        write_bytes(tmp_path / "x.bin", b"")


def test_places_that_no_system_has(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    long = "x" * 300
    for path, said in [
        (tmp_path / "loop" / "x.bin", "Cannot write .*loop is a link that leads nowhere"),
        (tmp_path / "lost" / "x.bin", "Cannot write .*lost is a link that leads nowhere"),
        (tmp_path / long, "Cannot write .*the name is too long; choose a shorter one"),
        (tmp_path / long / "x.bin", "Cannot write .*the name is too long"),
        (tmp_path / "a" / ("é" * 150), "Cannot write .*the name is too long"),
        (tmp_path / "x\0.bin", "Cannot write .*null character"),
    ]:
        with pytest.raises(UserError, match=said) as caught:
            write_bytes(path, b"")
        assert len(str(caught.value)) < 300
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loop", "lost"]


def test_a_name_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("x" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    assert write_text(path, "bäll").read_text("utf-8") == "bäll"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.fixture
def small_files():
    """A limit of 4,000 bytes a file, as `ulimit -f` sets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_files_over_the_limit_of_the_system(tmp_path, small_files):
    def weights():
        with whole_file(tmp_path / "x.safetensors") as staged:
            save_file({"a": torch.zeros(10_000)}, staged)

    for write in (weights, lambda: write_bytes(tmp_path / "x.bin", bytes(10_000))):
        with pytest.raises(UserError, match="Cannot write .*larger than this system allows"):
            write()
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_written_for_other_reasons(tmp_path):
    with pytest.raises(Exception, match="twice") as caught, files.failures_told(tmp_path):
        raise files.SafetensorError("a tensor is there twice")
    assert not isinstance(caught.value, UserError)


KILLED = """
import os, signal, sys, torch
from safetensors.torch import save_file
from kinema.storage import whole_file
with whole_file(sys.argv[1]) as staged:
    save_file({"a": torch.zeros(9)}, staged)
    print("half", flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


@pytest.mark.parametrize("fate", ["killed", "alive"])
def test_what_killed_processes_left_is_swept(tmp_path, fate):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "x.safetensors"), fate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "half\n"
    if fate == "killed":
        assert process.wait() == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    write_bytes(tmp_path / "y.bin", b"y")
    left = {p.suffix for p in tmp_path.iterdir()}
    assert left == ({".bin"} if fate == "killed" else {".bin", ".part"})
    process.communicate(timeout=20)
    left = {p.suffix for p in tmp_path.iterdir()}
    assert left == ({".bin"} if fate == "killed" else {".bin", ".safetensors"})


@pytest.mark.parametrize(
    "name", ["walk.mp4.part", ".x-y-z.part", ".99999999999-0-vm-abcdefgh.part"]
)
def test_what_others_left_is_not_ours(tmp_path, name):
    (tmp_path / name).mkdir()
    write_bytes(tmp_path / "y.bin", b"y")
    assert (tmp_path / name).is_dir()


# ---- folders --------------------------------------------------------------------------------


def write_folder(folder, text, last=""):
    with whole_folder(folder, last) as staged:
        (staged / "part").mkdir()
        (staged / "part" / text).write_text(text)
        (staged / "a.json").write_text(text)
        (staged / "z.json").write_text(text)


def test_a_folder_is_replaced_entry_by_entry(tmp_path):
    folder = tmp_path / "a" / "b"
    write_folder(folder, "one")
    (folder / "mine").write_text("mine")
    write_folder(folder, "two")
    files = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}
    assert files == {"part/two": "two", "a.json": "two", "z.json": "two", "mine": "mine"}
    assert sorted(p.name for p in folder.iterdir()) == ["a.json", "mine", "part", "z.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_folder_leaves_the_old_one(tmp_path, error):
    def interrupted(folder):
        with whole_folder(folder) as staged:
            (staged / "a.json").write_text("half")
            raise error

    write_folder(tmp_path / "old", "old")
    for folder in (tmp_path / "old", tmp_path / "new"):
        with pytest.raises(error):
            interrupted(folder)
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old" / "a.json").read_text() == "old"
    assert sorted(p.name for p in (tmp_path / "old").iterdir()) == ["a.json", "part", "z.json"]


def test_a_folder_half_replaced_lacks_its_last_file(tmp_path, monkeypatch):
    write_folder(tmp_path, "old", last="a.json")
    replace = files.Path.replace

    def fail(path, target):
        if path.name == "z.json":
            raise OSError(errno.EIO, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(files.Path, "replace", fail)
    with pytest.raises(UserError, match="Cannot write .*Input/output error"):
        write_folder(tmp_path, "new", last="a.json")
    assert not (tmp_path / "a.json").exists()


def test_a_folder_where_a_file_is(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(UserError, match="x is a file, not a folder"):
        write_folder(tmp_path / "x", "one")


# ---- reading --------------------------------------------------------------------------------


def test_require_file_says_what_is_wrong(tmp_path):
    (tmp_path / "empty.mp4").touch()
    for path, said in [
        (tmp_path, "is a folder, not a video"),
        (tmp_path / "none.mp4", "does not exist"),
        (tmp_path / "empty.mp4", "is empty"),
    ]:
        with pytest.raises(UserError, match=said):
            files.require_file(path, "video")


def test_what_is_no_file_at_all(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("x")
    for path, said in [
        (tmp_path / "loop", "loop of symbolic links"),
        (tmp_path / ("x" * 300), "the name is too long"),
        (tmp_path / "x\0", "cannot be read"),
        (tmp_path / "file" / "x", "does not exist"),
        ("/dev/null", "is a device or a pipe, not a video"),
    ]:
        with pytest.raises(UserError, match=said) as caught:
            require_file(path, "video")
        assert len(str(caught.value)) < 300


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    """A file renamed to /dev/null would be its end, where the user may write there."""
    os.mkfifo(pipe := tmp_path / "pipe")
    for path in (pipe, Path("/dev/null")):
        with (
            pytest.raises(UserError, match=f"Cannot write {path}: it is a device or a pipe"),
            whole_file(path) as partial,
        ):
            partial.write_text("x")
        assert path.exists() and not path.is_file()


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def identity(pid):
    return replace(Process.current(), pid=pid, start=files.start_of(pid))


def test_this_process_lives():
    assert not Process.current().is_gone()


def test_a_process_that_ended_is_gone(child):
    known = identity(child.pid)
    assert not known.is_gone()
    child.kill()
    child.wait()
    assert known.is_gone()


@pytest.mark.skipif(not files.BOOT.exists(), reason="needs /proc")
def test_a_zombie_is_gone(child):
    known = identity(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet collected
    assert known.is_gone()


@pytest.mark.skipif(not files.BOOT.exists(), reason="needs /proc")
def test_a_number_that_was_given_to_another_is_gone():
    assert replace(Process.current(), start="0").is_gone()


def test_nobody_knows_about_other_machines():
    assert not Process(2**22 + 1, "", "elsewhere").is_gone()
    assert replace(Process.current(), pid=2**22 + 1).is_gone()


def test_another_users_process_lives(monkeypatch):
    def refuse(pid, signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert not Process.current().is_gone()


def test_without_proc_the_number_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "BOOT", tmp_path / "none")
    assert files.start_of(os.getpid()) == ""
    assert not Process.current().is_gone()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "holds no fields"),
        (b"\xff\xfe{}", "not a text in UTF-8"),
        (b"", "is empty"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_holds_no_object(tmp_path, data, said):
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(UserError, match=f"x.json .*{said}|x.json {said}"):
        read_object(tmp_path / "x.json")


def test_a_file_that_is_too_large(tmp_path):
    with open(tmp_path / "x.json", "wb") as file:
        file.truncate(10**9)
    with pytest.raises(UserError, match="larger than 50 MB"):
        read_object(tmp_path / "x.json")
