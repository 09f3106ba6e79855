"""Words for a scene: a small grammar with synonyms and free word order.

    [scene,] subject [speed] verb [speed] [direction] [speed] [relation second] [scene] [camera]

Subject color and shape, action, direction and the second object are always named; size, material,
scene and camera often. `parsing` goes the way back.
"""

from collections.abc import Sequence

import numpy as np

from kinema.worlds.tabletop.attributes import (
    BACKDROPS,
    COLORS,
    TABLES,
    Attributes,
    Looks,
    Surroundings,
)

NOUNS = {
    "ball": ("ball", "sphere"),
    "cube": ("cube", "block"),
    "cylinder": ("cylinder", "drum"),
    "cone": ("cone",),
}
VERBS = {
    "rolls": ("rolls", "is rolling"),
    "slides": ("slides", "is sliding", "glides"),
    "bounces": ("bounces", "is bouncing", "hops"),
    "falls": ("falls", "drops", "is falling"),
    "spins": ("spins", "is spinning", "rotates"),
}
DIRECTIONS = {
    "left": ("to the left", "left", "from right to left", "leftwards"),
    "right": ("to the right", "right", "from left to right", "rightwards"),
    "towards": ("towards the camera", "towards us", "closer"),
    "away": ("away from the camera", "away", "into the distance"),
}
SPEED_WORDS = {"slowly": ("slowly", "gently"), "quickly": ("quickly", "fast")}
SIZE_WORDS = {"small": ("small", "little"), "large": ("large", "big")}
MATERIAL_WORDS = {"rubber": ("rubber", "matte"), "metal": ("metal", "shiny")}
RELATION_WORDS = {
    "behind": ("behind",),
    "in front of": ("in front of",),
    "into": ("into", "and hits", "and bumps into"),
    "next to": ("next to", "beside"),
    "while": ("while",),
}
CAMERA_WORDS = {
    "still": ("the camera is still", "the camera does not move"),
    "pans left": ("the camera pans left", "the camera turns to the left"),
    "pans right": ("the camera pans right", "the camera turns to the right"),
    "circles left": ("the camera circles left", "the camera moves around to the left"),
    "circles right": ("the camera circles right", "the camera moves around to the right"),
    "zooms in": ("the camera zooms in",),
    "zooms out": ("the camera zooms out",),
}
KIND_WORDS = {"plain": "", "checkered": "checkered", "wooden": "wooden"}
BACKDROP_NOUNS = ("backdrop", "background")
BACKDROP_LINKS = ("before", "against")
IN_PLACE = {"bounces": "up and down", "spins": "in place"}


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def with_article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def name_object(looks: Looks, rng: np.random.Generator) -> str:
    words = []
    if rng.random() < 0.25:
        words.append(pick(rng, SIZE_WORDS[looks.size]))
    if rng.random() < 0.35:
        words.append(pick(rng, MATERIAL_WORDS[looks.material]))
    if looks.pattern == "striped":
        words.append("striped")
    nouns = NOUNS[looks.shape]
    noun = nouns[0] if rng.random() < 0.75 else pick(rng, nouns)
    return with_article(" ".join([*words, looks.color, noun]))


def name_action(action: str, direction: str, speed: str, rng: np.random.Generator) -> str:
    verbs = VERBS[action]
    verb = verbs[0] if rng.random() < 0.6 else pick(rng, verbs)
    ways = DIRECTIONS.get(direction, ("",))
    where = ways[0] if rng.random() < 0.6 else pick(rng, ways)
    if not direction and action in IN_PLACE and rng.random() < 0.45:
        where = IN_PLACE[action]
    if not speed:
        return f"{verb} {where}".strip()
    how = pick(rng, SPEED_WORDS[speed])
    order = rng.random()
    if order < 0.3 and how in ("slowly", "quickly") and not verb.startswith("is "):
        return f"{how} {verb} {where}".strip()
    if order < 0.65 or not where:
        return f"{verb} {how} {where}".strip()
    return f"{verb} {where} {how}"


def name_place(scene: Surroundings, rng: np.random.Generator, on: str) -> str:
    kind = KIND_WORDS[scene.kind]
    table = f"{on} " + with_article(f"{scene.table} {kind}".strip()) + " table"
    noun, link = pick(rng, BACKDROP_NOUNS), pick(rng, BACKDROP_LINKS)
    backdrop = f"{link} {with_article(scene.backdrop)} {noun}"
    choice = rng.random()
    if choice < 0.45:
        return table
    return f"{table} {backdrop}" if choice < 0.8 else backdrop


def describe(attributes: Attributes, rng: np.random.Generator) -> str:
    """Write a caption of the attributes; the generator chooses synonyms and order."""
    sentence = [name_object(attributes.subject, rng)]
    deed = (attributes.action, attributes.direction, attributes.speed)
    sentence.append(name_action(*deed, rng))
    second, relation = attributes.second, attributes.relation
    if second:
        sentence.append(pick(rng, RELATION_WORDS[relation]))
        sentence.append(name_object(second, rng))
        if second.action:
            sentence.append(name_action(second.action, second.direction, second.speed, rng))
    caption = " ".join(sentence)
    if rng.random() < 0.6:
        onto = "onto" if attributes.action == "falls" and not second else "on"
        if rng.random() < 0.3:
            caption = f"{name_place(attributes.scene, rng, 'on')}, {caption}"
        else:
            caption = f"{caption} {name_place(attributes.scene, rng, onto)}"
    camera = attributes.camera
    if rng.random() < (0.15 if camera == "still" else 0.9):
        links = [", "] if camera == "still" else [", ", " as "]
        if camera != "still" and relation != "while":
            links.append(" while ")
        caption = f"{caption}{pick(rng, links)}{pick(rng, CAMERA_WORDS[camera])}"
    return caption


def vocabulary() -> set[str]:
    """Collect every word that a caption can contain."""
    tables = (NOUNS, VERBS, DIRECTIONS, SPEED_WORDS, SIZE_WORDS, MATERIAL_WORDS, RELATION_WORDS,
              CAMERA_WORDS)  # fmt: skip
    phrases = [phrase for table in tables for phrases in table.values() for phrase in phrases]
    phrases += [*COLORS, *TABLES, *BACKDROPS, *KIND_WORDS.values(), *BACKDROP_NOUNS]
    phrases += [*BACKDROP_LINKS, *IN_PLACE.values(), "a an on onto table striped as while"]
    return {word for phrase in phrases for word in phrase.split()}
