"""What must be whole on disk: atomic writes, locks, checksums, networks, foreign weights.

`kinema.storage.weights` imports torch, so it is not imported here.
"""

from kinema.renamed import moved
from kinema.storage.atomic import (
    require_file,
    require_writable,
    whole_file,
    whole_folder,
    write_bytes,
    write_text,
)
from kinema.storage.locks import locked_file, locked_folder

__all__ = [
    "locked_file",
    "locked_folder",
    "require_file",
    "require_writable",
    "whole_file",
    "whole_folder",
    "write_bytes",
    "write_text",
]

MOVED = dict.fromkeys(["load_weights", "read_weights", "require_finite"], "kinema.storage.weights")


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
