import pytest

from kinema.judges.tabletop import NONE, VOCABULARY
from kinema.judges.tabletop.scoring import ASPECTS, TOGETHER, Share, faults, score

ASKED = {question: answers[1] for question, answers in VOCABULARY.items()}


def but(**changes):
    return {**ASKED, **changes}


def test_all_right():
    shares = score([ASKED, ASKED], [ASKED, ASKED])
    assert all(share == Share(2, 2) for share in shares.values())
    assert faults(ASKED, ASKED) == ""


@pytest.mark.parametrize(
    "wrong, aspect",
    [
        ("color", "subject color"),
        ("shape", "subject shape"),
        ("action", "action and direction"),
        ("direction", "action and direction"),
        ("second_direction", "action and direction"),
        ("camera", "camera"),
        ("second_shape", "second object"),
    ],
)
def test_one_wrong_answer_fails_its_aspect_and_the_whole(wrong, aspect):
    shares = score([but(**{wrong: "?"}), ASKED], [ASKED, ASKED])
    failed = {name for name, share in shares.items() if share.right == 1}
    assert failed == {aspect, TOGETHER}
    assert "?, not" in faults(but(**{wrong: "?"}), ASKED)


@pytest.mark.parametrize("vague", ["speed", "relation"])
def test_vague_words_do_not_count_in_the_whole(vague):
    shares = score([but(**{vague: "?"})], [ASKED])
    assert shares[vague].right == 0
    assert shares[TOGETHER].right == 1


def test_a_second_object_nobody_asked_for_is_wrong():
    asked = but(second_color=NONE, second_shape=NONE)
    assert score([ASKED], [asked])["second object"].right == 0


def test_every_question_belongs_to_one_aspect():
    counted = [question for questions in ASPECTS.values() for question in questions]
    assert sorted([*counted, "speed", "relation"]) == sorted(VOCABULARY)


def test_a_share_knows_how_sure_it_is():
    share = Share(5, 10)
    assert share.value == 0.5
    assert share.interval == pytest.approx((0.2366, 0.7634), abs=1e-4)
