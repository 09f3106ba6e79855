"""What steers a sample: by the doors of grid, tokens and vector, and the object that carries all.

doors: what comes through them; condition_set: all conditions of a batch; ports: how a network takes
them in; small_text, no_text: the encoders of prompts.
"""

import warnings

from kinema.conditions.doors import (
    DOORS,
    Condition,
    Conditions,
    Grid,
    Tokens,
    Vector,
    cat_conditions,
    draw_dropped,
)
from kinema.conditions.ports import Port, Ports
from kinema.conditions.small_text import NoText, SmallTextConfig, SmallTextEncoder
from kinema.renamed import moved

__all__ = [
    "DOORS",
    "Condition",
    "Conditions",
    "Grid",
    "NoText",
    "Port",
    "Ports",
    "SmallTextConfig",
    "SmallTextEncoder",
    "Tokens",
    "Vector",
    "cat_conditions",
    "draw_dropped",
]

MOVED = {"PretrainedTextEncoder": "kinema.interop"}


def __getattr__(name: str) -> object:
    if name == "Text":
        message = "kinema.conditions.Text is Tokens now; the old name goes with the next version."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return Tokens
    return moved(__name__, MOVED, name)
