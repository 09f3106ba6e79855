"""What is left of an unfinished long video: its latents so far, and the state that goes on.

    walk.mp4.part/
      latents.bin          the pieces, one after the other, as they became final
      state.safetensors    everything that the rest depends on, and how much of the file counts

A piece is appended first and the state replaced after it, each forced to the disk, so that a kill
at any moment leaves a state and the latents that belong to it.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.rollout import Piece, State

HEADER = struct.Struct("<5q")  # b c f h w of a piece


class Journal:
    """The pieces of a rollout on disk.

    Args:
        folder: made if it is not there.
        settings: what the video depends on, as JSON values; another unfinished video is refused.

    Raises:
        UserError: if the folder is a file, holds something else, or lacks what its state tells of.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings = json.loads(json.dumps(settings))
        self.latents, self.file = folder / "latents.bin", folder / "state.safetensors"
        self.state: State | None = None
        self.size = 0
        if folder.exists() and not folder.is_dir():
            raise UserError(
                f"{folder} is a file, and the unfinished video needs a folder there: delete it, or "
                "choose another output."
            )
        folder.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            self._read_state()
        self.latents.touch()
        if self.latents.stat().st_size < self.size:
            raise UserError(
                f"{self.latents} is shorter than {self.file.name} beside it says: delete {folder}, "
                "and the video is made from its beginning."
            )
        os.truncate(self.latents, self.size)  # a piece whose state was not written any more

    def _read_state(self) -> None:
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
        self.size, self.state = note["size"], State(note["made"], tensors)

    def pieces(self) -> Iterator[Tensor]:
        """The frames b c f h w that were final, piece by piece as they came."""
        with self.latents.open("rb") as file:
            while file.tell() < self.size:
                shape = HEADER.unpack(file.read(HEADER.size))
                count = 4
                for side in shape:
                    count *= side
                piece = torch.frombuffer(bytearray(file.read(count)), dtype=torch.float32)
                # Cloned into memory aligned as torch aligns it, on which kernels may depend.
                yield piece.view(shape).clone()

    def append(self, piece: Piece) -> None:
        """Keep a piece, and then the state after it."""
        if piece.frames is not None:
            frames = piece.frames.detach().float().cpu().contiguous()
            with self.latents.open("ab") as file:
                file.write(HEADER.pack(*frames.shape) + frames.numpy().tobytes())
                file.flush()
                os.fsync(file.fileno())
                self.size = file.tell()
        self.state = piece.state
        note = {"settings": self.settings, "size": self.size, "made": piece.state.made}
        tensors = {name: x.cpu().contiguous().clone() for name, x in piece.state.tensors.items()}
        partial = self.file.with_suffix(".part")
        save_file(tensors, partial, {"kinema": json.dumps(note)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, self.file)

    def remove(self) -> None:
        """The video is finished: nothing of this is needed any more."""
        shutil.rmtree(self.folder)
