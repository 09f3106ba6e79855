"""What must be whole on disk: atomic writes, locks, checksums, networks, foreign weights.

`kinema.storage.pretrained` imports torch, so it is not imported here.
"""

from kinema.storage.atomic import (
    require_file,
    require_writable,
    whole_file,
    whole_folder,
    write_bytes,
    write_text,
)
from kinema.storage.locks import locked_file, locked_folder
from kinema.storage.weights import load_weights, read_weights, require_finite

__all__ = [
    "load_weights",
    "locked_file",
    "locked_folder",
    "read_weights",
    "require_file",
    "require_finite",
    "require_writable",
    "whole_file",
    "whole_folder",
    "write_bytes",
    "write_text",
]
