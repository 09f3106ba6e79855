from dataclasses import asdict, dataclass, field

import pytest

from kinema.errors import UserError
from kinema.storage.specs import read_spec


@dataclass(frozen=True)
class Plain:
    kind: str = field(default="plain", init=False)


@dataclass(frozen=True)
class Wide:
    kind: str = field(default="wide", init=False)
    width: int = 4


KINDS = {"plain": Plain, "wide": Wide}


@pytest.mark.parametrize(
    ("given", "spec"),
    [
        ("wide", Wide()),
        ({"kind": "wide"}, Wide()),
        ({"kind": "wide", "width": 2}, Wide(2)),
        (Wide(3), Wide(3)),
        (asdict(Wide(5)), Wide(5)),
        (asdict(Plain()), Plain()),
    ],
)
def test_a_spec_is_read_from_itself_its_name_and_its_dictionary(given, spec):
    assert read_spec("look", KINDS, given) == spec


def test_the_dictionary_that_is_read_stays_as_it_is():
    given = {"kind": "wide", "width": 2}
    read_spec("look", KINDS, given)
    assert given == {"kind": "wide", "width": 2}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("wode", "The look 'wode' is unknown; did you mean 'wide'?"),
        ({"width": 2}, "The look 'None' is unknown; choose one of plain, wide."),
        ({"kind": ["wide"]}, r"The look \"\['wide'\]\" is unknown; "),
        (
            {"kind": "wide", "with": 2},
            "The look 'wide' has no option 'with'; did you mean 'width'?",
        ),
        ({"kind": "plain", "width": 2}, "The look 'plain' has no option 'width'; it has none."),
    ],
)
def test_what_is_unknown_is_named_with_the_nearest(given, sentence):
    with pytest.raises(UserError, match=sentence.replace("?", r"\?")):
        read_spec("look", KINDS, given)
