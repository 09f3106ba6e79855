"""What steers a sample: encoded text, and the object in which all conditions travel."""

from kinema.conditions.condition_set import Conditions, cat_conditions
from kinema.conditions.no_text import NoText
from kinema.conditions.small_text import SmallTextConfig, SmallTextEncoder
from kinema.conditions.text import Text, cat_text
from kinema.renamed import moved

__all__ = [
    "Conditions",
    "NoText",
    "SmallTextConfig",
    "SmallTextEncoder",
    "Text",
    "cat_conditions",
    "cat_text",
]

MOVED = {"PretrainedTextEncoder": "kinema.interop"}


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
