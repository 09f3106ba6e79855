"""Networks of diffusers and transformers, read strictly.

The libraries go on with random weights where a tensor is missing. Here what did not find its place
is an error that names it, and so are pickles and values that are not finite.
"""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from kinema.errors import UserError, brief
from kinema.storage.weights import require_finite


@contextlib.contextmanager
def readable(folder: Path, kind: str) -> Iterator[None]:
    """Within the block, what the libraries raise is told in a sentence."""
    try:
        yield
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, SafetensorError) as error:
        raise UserError(f"{folder} does not hold a {kind}: {brief(error, 200)}.") from error


def load_network(kind: Any, folder: Path, library: str, dtype: torch.dtype) -> nn.Module:
    """Load a network of either library, all of its tensors and no others.

    Args:
        kind: its class.
        folder: holds its configuration and its weights.
        library: "diffusers" or "transformers".
        dtype: floating-point type of the weights.

    Raises:
        UserError: if a tensor is missing, left over, of another shape or not finite.
    """
    logging = importlib.import_module(library).utils.logging
    with readable(folder, kind.__name__), quiet(logging):
        network, report = kind.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            dtype=dtype,
        )
        check_report(report)
    require_finite(network.state_dict(), folder)
    return network.eval().requires_grad_(False)


def check_report(report: dict[str, Any]) -> None:
    """Raise a ValueError that names a tensor which did not find its place."""
    clauses = {
        "missing_keys": "is missing",
        "unexpected_keys": "has no place in it",
        "mismatched_keys": "has another shape",
    }
    wrong = [
        f"{key[0] if isinstance(key, tuple) else key!r} {clause}"
        for name, clause in clauses.items()
        for key in sorted(report.get(name) or [], key=str)
    ]
    if wrong:
        others = f", and {len(wrong) - 1} others are wrong" if len(wrong) > 1 else ""
        raise ValueError(f"{wrong[0]}{others}")


@contextlib.contextmanager
def quiet(logging: Any) -> Iterator[None]:
    """What the library would warn of is told as an error, in a sentence; it shows no bars."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
