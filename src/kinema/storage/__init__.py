"""What must be whole on disk: atomic writes, a network as a folder, foreign weights read safely.

`kinema.storage.pretrained` imports torch, so it is not imported here.
"""

from kinema.storage.atomic import require_file, require_writable, whole_file, write_bytes
from kinema.storage.weights import load_weights, read_weights

__all__ = [
    "load_weights",
    "read_weights",
    "require_file",
    "require_writable",
    "whole_file",
    "write_bytes",
]
