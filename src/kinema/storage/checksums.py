"""Checksums of tensors: a bit that flips on a disk is found when the tensor is read."""

import zlib

import torch
from torch import Tensor


def checksum(tensor: Tensor) -> int:
    """The CRC-32 of a tensor's bytes, in the order of its elements."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().tobytes())
