"""What the judge is asked about a tabletop clip, and the true answers of the world."""

from kinema.worlds.tabletop import attributes as world

NONE = "none"

LOOKS = {"color": list(world.COLORS), "shape": list(world.SHAPES)}
DEED = {"action": [NONE, *world.ACTIONS], "direction": [NONE, *world.COMPASS]}
VOCABULARY: dict[str, list[str]] = {
    **LOOKS,
    **DEED,
    "speed": [speed or NONE for speed in world.SPEEDS],
    "camera": list(world.CAMERAS),
    "relation": [relation or NONE for relation in world.RELATIONS],
    **{f"second_{question}": [NONE, *answers] for question, answers in LOOKS.items()},
    **{f"second_{question}": answers for question, answers in DEED.items()},
}
"""Questions and their possible answers; "none" where nothing of the kind is there."""

MIRRORED = {"left": "right", "right": "left"}


def true_answers(attributes: world.Attributes) -> dict[str, str]:
    """Turn the world's attributes into answers to the judge's questions.

    The subject is the object that acts. Where both act ("a red ball rolls left while a blue cube
    falls") frames cannot tell which was named first: the one whose color comes first in the
    world's list counts as the subject, in questions and answers alike.
    """
    deed = (attributes.action, attributes.direction, attributes.speed)
    acting = attributes.subject.acting(*deed)
    other = attributes.second
    if other and other.action:
        order = list(world.COLORS)
        acting, other = sorted((acting, other), key=lambda one: order.index(one.color))
    answers = {q: getattr(acting, q) for q in ("color", "shape", "action", "direction", "speed")}
    answers |= {"camera": attributes.camera, "relation": attributes.relation}
    for question in ("color", "shape", "action", "direction"):
        answers[f"second_{question}"] = getattr(other, question) if other else NONE
    return {question: answer or NONE for question, answer in answers.items()}


def mirror(answer: str) -> str:
    """Name what is seen in a mirror: "pans left" becomes "pans right"."""
    return " ".join(MIRRORED.get(word, word) for word in answer.split(" "))
