import hashlib

import pytest
import torch

from kinema.errors import UserError
from kinema.storage.checksums import check_files, check_tensors, file_checksums, tensors_checksum


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net" / "part").mkdir(parents=True)
    (tmp_path / "net" / "a.txt").write_bytes(b"a")
    (tmp_path / "net" / "part" / "b.bin").write_bytes(bytes(range(256)))
    return tmp_path / "net"


def test_every_file_has_its_sha256(folder):
    assert file_checksums(folder) == {
        "a.txt": hashlib.sha256(b"a").hexdigest(),
        "part/b.bin": hashlib.sha256(bytes(range(256))).hexdigest(),
    }


def test_damage_is_named(folder):
    checksums = file_checksums(folder)
    check_files(folder, checksums, folder / "record.json")
    (folder / "part" / "b.bin").write_bytes(bytes(256))
    with pytest.raises(UserError, match=r"part/b\.bin is damaged.*record\.json"):
        check_files(folder, checksums, folder / "record.json")
    (folder / "part" / "b.bin").unlink()
    with pytest.raises(UserError, match=r"part/b\.bin is missing"):
        check_files(folder, checksums, folder / "record.json")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "part/../../secret"])
def test_a_record_asks_for_nothing_outside(folder, name):
    (folder.parent / "secret").write_bytes(b"s")
    with pytest.raises(UserError, match="outside its folder"):
        check_files(folder, {name: "0"}, folder / "record.json")


def tensors():
    return {
        "a": torch.arange(6.0).view(2, 3),
        "b": torch.tensor([1, 2]),
        "c": torch.zeros(2).half(),
    }


def test_the_checksum_of_tensors_sees_every_change():
    plain = tensors_checksum(tensors())
    assert plain == tensors_checksum(dict(reversed(tensors().items())))
    assert plain == tensors_checksum({**tensors(), "a": tensors()["a"].T.contiguous().T})
    bit = tensors()
    bit["b"][1] ^= 1
    changed = [
        bit,
        {**tensors(), "a": tensors()["a"].view(3, 2)},
        {**tensors(), "c": torch.zeros(2).bfloat16()},
        {("d" if name == "c" else name): x for name, x in tensors().items()},
        {"a": tensors()["a"]},
    ]
    assert len({plain, *map(tensors_checksum, changed)}) == 1 + len(changed)


def test_tensors_that_changed_are_refused(tmp_path):
    check_tensors(tensors(), tensors_checksum(tensors()), tmp_path / "x")
    check_tensors(tensors(), None, tmp_path / "x")  # written before there were checksums
    with pytest.raises(UserError, match="x is damaged"):
        check_tensors(tensors(), "00000000", tmp_path / "x")


def test_single_values_and_empty_tensors_count():
    assert tensors_checksum({"a": torch.tensor(1.0)}) != tensors_checksum({"a": torch.tensor(2.0)})
    assert tensors_checksum({"a": torch.zeros(0)}) != tensors_checksum({})
