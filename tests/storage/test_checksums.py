import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UserError
from kinema.storage.checksums import check_files, checksum, file_checksums


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


TYPES = [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool, torch.uint8]


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_and_a_single_number_have_a_checksum(dtype):
    assert checksum(torch.ones(3, 2).to(dtype)) != checksum(torch.zeros(3, 2).to(dtype))
    assert checksum(torch.ones(()).to(dtype)) == checksum(torch.ones(1).to(dtype))


@given(st.integers(0, 8 * 24 - 1))
def test_any_flipped_bit_changes_it(bit):
    tensor = torch.arange(6.0).reshape(2, 3)
    flipped = tensor.clone()
    flipped.view(torch.uint8).view(-1)[bit // 8] ^= 1 << (bit % 8)
    assert checksum(flipped) != checksum(tensor)


def test_it_is_that_of_the_elements_in_order_wherever_they_lie():
    tensor = torch.arange(24.0).reshape(2, 3, 4)
    assert checksum(tensor.transpose(0, 2).contiguous().transpose(0, 2)) == checksum(tensor)
