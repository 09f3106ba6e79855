"""The same scenes in other words: sentences that `captions` never makes, of words that it uses.

    the ball is red and rolls to the right            the color as a predicate
    to the right rolls a red ball                     the direction first
    a blue cube is on the table and a red ball ...    the second object in a clause of its own
    as the camera pans left, a red ball ...           the camera first

A model that was trained on captions and understands their words follows these as well. One that has
learned sentences by heart does not.
"""

import numpy as np

from kinema.worlds.tabletop.attributes import ActingObject, Attributes, Looks
from kinema.worlds.tabletop.captions import (
    CAMERA_WORDS,
    DIRECTIONS,
    IN_PLACE,
    NOUNS,
    SPEED_WORDS,
    VERBS,
    pick,
    with_article,
)

WAYS = {name: [way for way in ways if " " in way] for name, ways in DIRECTIONS.items()}


def rephrase(attributes: Attributes, rng: np.random.Generator) -> str:
    """Write a sentence of the attributes in a form that no caption has.

    It names what every caption names (color, shape, action, direction, the second object) and the
    camera wherever that moves.
    """
    second, relation = attributes.second, attributes.relation
    deed = (attributes.action, attributes.direction, attributes.speed)
    subject = attributes.subject.acting(*deed)
    if second is None:
        sentence = pick(rng, (predicate(subject, rng), direction_first(subject, rng)))
    elif relation == "while":
        sentence = f"{predicate(second, rng)}, and {direction_first(subject, rng)}"
    else:
        where = f"{relation} the {second.color} {noun(second, rng)}"
        sentence = f"{standing(second, rng)} and {direction_first(subject, rng)} {where}"
    if attributes.camera != "still":
        sentence = f"as {pick(rng, CAMERA_WORDS[attributes.camera])}, {sentence}"
    return sentence


def predicate(thing: ActingObject, rng: np.random.Generator) -> str:
    """Return "the ball is red and rolls to the right"; one that stands "is on the table"."""
    if not thing.action:
        return f"the {noun(thing, rng)} is {thing.color} and on the table"
    return f"the {noun(thing, rng)} is {thing.color} and {verb_phrase(thing, rng)}"


def direction_first(thing: ActingObject, rng: np.random.Generator) -> str:
    """Return "to the right rolls a red ball"; what falls does so after its name."""
    where = way(thing, rng)
    name = with_article(f"{thing.color} {noun(thing, rng)}")
    verb = VERBS[thing.action][0]
    if not where:
        return f"the {thing.color} {noun(thing, rng)} {VERBS[thing.action][-1]}"
    return " ".join(word for word in (how(thing, rng), where, verb, name) if word)


def standing(thing: Looks, rng: np.random.Generator) -> str:
    """Return "a blue cube is on the table"."""
    return with_article(f"{thing.color} {noun(thing, rng)}") + " is on the table"


def verb_phrase(thing: ActingObject, rng: np.random.Generator) -> str:
    """Return "rolls slowly to the right"."""
    parts = (pick(rng, VERBS[thing.action]), how(thing, rng), way(thing, rng))
    return " ".join(part for part in parts if part)


def noun(thing: Looks, rng: np.random.Generator) -> str:
    """Return a word for the shape."""
    return pick(rng, NOUNS[thing.shape])


def way(thing: ActingObject, rng: np.random.Generator) -> str:
    """Return words for the direction; "" for what falls."""
    return pick(rng, WAYS[thing.direction]) if thing.direction else IN_PLACE.get(thing.action, "")


def how(thing: ActingObject, rng: np.random.Generator) -> str:
    """Return a word for the speed; "" for the usual one."""
    return pick(rng, SPEED_WORDS[thing.speed]) if thing.speed else ""
