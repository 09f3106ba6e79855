import errno
import os

import pytest

from kinema.errors import UserError
from kinema.storage import atomic as files
from kinema.storage import whole_file, write_bytes


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
        (errno.EROFS, "may not be written"),
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


def test_require_file_says_what_is_wrong(tmp_path):
    (tmp_path / "empty.mp4").touch()
    for path, said in [
        (tmp_path, "is a folder, not a video"),
        (tmp_path / "none.mp4", "does not exist"),
        (tmp_path / "empty.mp4", "is empty"),
    ]:
        with pytest.raises(UserError, match=said):
            files.require_file(path, "video")
