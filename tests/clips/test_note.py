import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.clips.note import MAX_FPS, Note, read_note, write_note

WHOLE = {"text": "a ball", "fps": 16.5, "num_frames": 9, "size": [32, 48]}


def test_a_note_comes_back():
    note = Note("a ball", 16.5, 9, (32, 48), {"seed": 3})
    assert read_note(write_note(note)) == note
    assert json.loads(write_note(note)) == {"seed": 3, "kinema": WHOLE}


@pytest.mark.parametrize(
    "change",
    [
        {"fps": 1e5},
        {"fps": 0},
        {"fps": -16},
        {"fps": "16"},
        {"fps": None},
        {"fps": True},
        {"fps": float("nan")},
        {"fps": float("inf")},
        {"fps": 10**400},
        {"num_frames": 0},
        {"num_frames": -3},
        {"num_frames": 9.5},
        {"num_frames": "9"},
        {"num_frames": 10**30},
        {"num_frames": [9]},
        {"size": [32]},
        {"size": [32, 48, 3]},
        {"size": [0, 48]},
        {"size": [32, 10**9]},
        {"size": "32x48"},
        {"size": {"h": 1, "w": 2}},
        {"text": 3},
        {"text": None},
    ],
)
def test_a_note_with_one_wrong_value_is_no_note(change):
    assert read_note(json.dumps({"kinema": {**WHOLE, **change}, "seed": 1})) == Note()


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_note_with_a_missing_value_is_no_note(name):
    own = {key: value for key, value in WHOLE.items() if key != name}
    assert read_note(json.dumps({"kinema": own})) == Note()


@pytest.mark.parametrize(
    "comment",
    ["", "mine", '{"kinema": not JSON', '["kinema"]', '"kinema"', '{"kinema": 3}', '{"kinema": []}',
     '{"kinema": ' + "[" * 100_000, '{"a": {"kinema": {}}}'],
)  # fmt: skip
def test_the_comments_of_others_are_no_notes(comment):
    assert read_note(comment) == Note()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(WHOLE, json_values)))
def test_whatever_is_read_is_what_it_says(own):
    note = read_note(json.dumps({"kinema": own}))
    assert note.fps is None or 0 < note.fps <= MAX_FPS
    assert note.num_frames is None or note.num_frames >= 1
    assert note.size is None or min(note.size) >= 1
