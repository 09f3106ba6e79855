"""What steers a sample: encoded text, and the object in which all conditions travel."""

from kinema.conditions.condition_set import Conditions, cat_conditions
from kinema.conditions.no_text import NoText
from kinema.conditions.pretrained_text import PretrainedTextEncoder
from kinema.conditions.small_text import SmallTextConfig, SmallTextEncoder
from kinema.conditions.text import Text, cat_text

__all__ = [
    "Conditions",
    "NoText",
    "PretrainedTextEncoder",
    "SmallTextConfig",
    "SmallTextEncoder",
    "Text",
    "cat_conditions",
    "cat_text",
]
