from hypothesis import given
from hypothesis import strategies as st

from kinema.judges.tabletop import NONE, VOCABULARY, true_answers
from kinema.judges.tabletop.questions import mirror
from kinema.worlds import tabletop
from kinema.worlds.tabletop.attributes import ActingObject, Attributes, Looks, Surroundings


@given(seed=st.integers(0, 10_000), level=st.integers(1, 4))
def test_every_scene_can_be_answered(seed, level):
    answers = true_answers(tabletop.sample_scene(seed, level, "all").attributes)
    assert list(answers) == list(VOCABULARY)
    assert all(answers[question] in VOCABULARY[question] for question in VOCABULARY)


def acting(color: str, shape: str, action: str = "", direction: str = "") -> ActingObject:
    return ActingObject(shape, color, "rubber", "small", "plain", action, direction)


def scene(first: ActingObject, second: ActingObject | None) -> Attributes:
    subject = Looks(first.shape, first.color, first.material, first.size, first.pattern)
    relation, around = "while" if second else "", Surroundings("gray", "plain", "blue")
    deed = (first.action, first.direction, first.speed)
    return Attributes(subject, *deed, "still", second, relation, around)


GREEN_BALL = acting("green", "ball", "rolls", "left")


def test_absent_things_are_none():
    answers = true_answers(scene(GREEN_BALL, None))
    assert answers["color"] == "green" and answers["relation"] == NONE
    assert {answers[q] for q in VOCABULARY if q.startswith("second")} == {NONE}


def test_where_only_one_acts_it_is_the_subject():
    answers = true_answers(scene(GREEN_BALL, acting("red", "cube")))
    assert (answers["color"], answers["second_color"]) == ("green", "red")
    assert answers["second_action"] == NONE


def test_where_both_act_the_order_of_naming_does_not_matter():
    moving = acting("red", "cube", "falls")
    named_second, named_first = scene(GREEN_BALL, moving), scene(moving, GREEN_BALL)
    assert true_answers(named_first) == true_answers(named_second)
    assert true_answers(named_first)["color"] == "red", "red comes before green in the world"


def test_a_mirror_swaps_sides_and_nothing_else():
    assert mirror("left") == "right"
    assert mirror("circles right") == "circles left"
    for words in VOCABULARY.values():
        assert {mirror(word) for word in words} == set(words)
        assert all(mirror(mirror(word)) == word for word in words)
