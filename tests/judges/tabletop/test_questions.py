from hypothesis import given
from hypothesis import strategies as st

from kinema.judges.tabletop import NONE, VOCABULARY, true_answers
from kinema.judges.tabletop.questions import mirror
from kinema.worlds import tabletop


@given(seed=st.integers(0, 10_000), level=st.integers(1, 4))
def test_every_scene_can_be_answered(seed, level):
    answers = true_answers(tabletop.sample_scene(seed, level, "all").attributes)
    assert list(answers) == list(VOCABULARY)
    assert all(answers[question] in VOCABULARY[question] for question in VOCABULARY)


def scene(second):
    subject = {"color": "green", "shape": "ball"}
    deed = {"action": "rolls", "direction": "left", "speed": "", "camera": "still"}
    return {"subject": subject, **deed, "second": second, "relation": "while" if second else ""}


def test_absent_things_are_none():
    answers = true_answers(scene(None))
    assert answers["color"] == "green" and answers["relation"] == NONE
    assert {answers[q] for q in VOCABULARY if q.startswith("second")} == {NONE}


def test_where_only_one_acts_it_is_the_subject():
    still = {"color": "red", "shape": "cube", "action": "", "direction": "", "speed": ""}
    answers = true_answers(scene(still))
    assert (answers["color"], answers["second_color"]) == ("green", "red")
    assert answers["second_action"] == NONE


def test_where_both_act_the_order_of_naming_does_not_matter():
    moving = {"color": "red", "shape": "cube", "action": "falls", "direction": "", "speed": ""}
    named_second = scene(moving)
    named_first = {
        **scene({**named_second["subject"], "action": "rolls", "direction": "left", "speed": ""}),
        "subject": {"color": "red", "shape": "cube"},
        "action": "falls",
        "direction": "",
    }
    assert true_answers(named_first) == true_answers(named_second)
    assert true_answers(named_first)["color"] == "red", "red comes before green in the world"


def test_a_mirror_swaps_sides_and_nothing_else():
    assert mirror("left") == "right"
    assert mirror("circles right") == "circles left"
    for words in VOCABULARY.values():
        assert {mirror(word) for word in words} == set(words)
        assert all(mirror(mirror(word)) == word for word in words)
