import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.storage.checksums import checksum

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
