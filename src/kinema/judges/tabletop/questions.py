"""What the judge is asked about a tabletop clip, and the true answers of the world."""

from kinema.worlds.tabletop import attributes as world

NONE = "none"

_LOOKS = {"color": list(world.COLORS), "shape": list(world.SHAPES)}
_DEED = {"action": [NONE, *world.ACTIONS], "direction": [NONE, *world.COMPASS]}
VOCABULARY: dict[str, list[str]] = {
    **_LOOKS,
    **_DEED,
    "speed": [speed or NONE for speed in world.SPEEDS],
    "camera": list(world.CAMERAS),
    "relation": [relation or NONE for relation in world.RELATIONS],
    **{f"second_{question}": [NONE, *answers] for question, answers in _LOOKS.items()},
    **{f"second_{question}": answers for question, answers in _DEED.items()},
}
"""Questions and their possible answers; "none" where nothing of the kind is there."""

MIRRORED = {"left": "right", "right": "left"}


def true_answers(attributes: dict) -> dict[str, str]:
    """The world's attributes as answers to the judge's questions.

    The subject is the object that acts. Where both act ("a red ball rolls left while a blue cube
    falls") frames cannot tell which was named first: the one whose colour comes first in the
    world's list counts as the subject, in questions and answers alike.
    """
    subject = {**attributes["subject"], "action": attributes["action"]}
    subject |= {"direction": attributes["direction"], "speed": attributes["speed"]}
    second = attributes["second"]
    if second and second["action"]:
        order = list(world.COLORS)
        subject, second = sorted((subject, second), key=lambda thing: order.index(thing["color"]))
    answers = {q: subject[q] for q in ("color", "shape", "action", "direction", "speed")}
    answers |= {"camera": attributes["camera"], "relation": attributes["relation"]}
    for question in ("color", "shape", "action", "direction"):
        answers[f"second_{question}"] = second[question] if second else NONE
    return {question: answer or NONE for question, answer in answers.items()}


def mirror(answer: str) -> str:
    """What is called so, seen in a mirror: "pans left" becomes "pans right"."""
    return " ".join(MIRRORED.get(word, word) for word in answer.split(" "))
