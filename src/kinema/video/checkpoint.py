"""What is left of an unfinished long video: its latents so far, and the state that goes on.

    walk.mp4.part/
      latents.bin          the segments, one after the other, as they became final
      state.safetensors    everything that the rest depends on, how much of the file counts, and
                           the checksums of both

A segment is appended first and the state replaced after it, each forced to the disk, so that a kill
at any moment leaves a state and the latents that belong to it.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.rollout import RolloutState, Segment
from kinema.storage import whole_file

HEADER = struct.Struct("<5q")  # b c f h w of a segment


class RolloutCheckpoint:
    """The segments of a rollout on disk, and the state from which the rest follows.

    Args:
        folder: made if it is not there.
        settings: what the video depends on, as JSON values; another unfinished video is refused.

    Raises:
        UserError: if the folder is a file, holds something else, or is damaged.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings = json.loads(json.dumps(settings))
        self.latents, self.file = folder / "latents.bin", folder / "state.safetensors"
        self.state: RolloutState | None = None
        self.size = self.checksum = 0
        if folder.exists() and not folder.is_dir():
            raise UserError(
                f"{folder} is a file, and the unfinished video needs a folder there: delete it, or "
                "choose another output."
            )
        folder.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            self.read_state()
        self.latents.touch()
        if self.latents.stat().st_size < self.size:
            raise UserError(
                f"{self.latents} is shorter than {self.file.name} beside it says: delete {folder}, "
                "and the video is made from its beginning."
            )
        os.truncate(self.latents, self.size)  # a segment whose state was not written any more
        if checksum_of(self.latents) != self.checksum:
            raise self.damaged(self.latents)

    def read_state(self) -> None:
        """Take up what an earlier process left."""
        try:
            with safe_open(self.file, "pt") as saved:
                note = json.loads(saved.metadata()["kinema"])
                tensors = {name: saved.get_tensor(name).clone() for name in saved.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.file} is not the state of a long video: {error}.") from error
        if note["settings"] != self.settings:
            old, new = note["settings"], self.settings
            names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
            raise UserError(
                f"{self.folder} holds an unfinished video that differs in {', '.join(names)}: "
                "delete it, or choose another output."
            )
        if state_checksum(tensors) != note.get("state_checksum"):
            raise self.damaged(self.file)
        self.size, self.checksum = note["size"], note["checksum"]
        self.state = RolloutState(note["made"], tensors)

    def damaged(self, file: Path) -> UserError:
        """Return the error of a file whose checksum is not the one that was written."""
        return UserError(
            f"{file} is damaged, or of another version of kinema: delete {self.folder}, and the "
            "video is made from its beginning."
        )

    def latents_so_far(self) -> Iterator[Tensor]:
        """Yield the latents b c f h w that are final, segment by segment as they came."""
        with self.latents.open("rb") as file:
            while file.tell() < self.size:
                shape = HEADER.unpack(file.read(HEADER.size))
                content = bytearray(file.read(4 * prod(shape)))
                segment = torch.frombuffer(content, dtype=torch.float32)
                # Cloned into memory aligned as torch aligns it, on which kernels may depend.
                yield segment.view(shape).clone()

    def append(self, segment: Segment) -> None:
        """Keep a segment, and then the state after it."""
        if segment.frames is not None:
            frames = segment.frames.detach().float().cpu().contiguous()
            with self.latents.open("ab") as file:
                content = HEADER.pack(*frames.shape) + frames.numpy().tobytes()
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                self.size, self.checksum = file.tell(), zlib.crc32(content, self.checksum)
        self.state = segment.state
        tensors = {name: x.cpu().contiguous().clone() for name, x in segment.state.tensors.items()}
        note = {
            "settings": self.settings, "made": segment.state.made, "size": self.size,
            "checksum": self.checksum, "state_checksum": state_checksum(tensors),
        }  # fmt: skip
        with whole_file(self.file) as staged:
            save_file(tensors, staged, {"kinema": json.dumps(note)})

    def remove(self) -> None:
        """The video is finished: nothing of this is needed any more."""
        shutil.rmtree(self.folder)


def checksum_of(file: Path) -> int:
    """Return the CRC-32 of a file."""
    checksum = 0
    with file.open("rb") as opened:
        while content := opened.read(2**20):
            checksum = zlib.crc32(content, checksum)
    return checksum


def state_checksum(tensors: dict[str, Tensor]) -> int:
    """Return the CRC-32 of the names and values of tensors."""
    checksum = 0
    for name in sorted(tensors):
        values = tensors[name].contiguous().flatten().view(torch.uint8).numpy()
        checksum = zlib.crc32(values.tobytes(), zlib.crc32(name.encode(), checksum))
    return checksum
