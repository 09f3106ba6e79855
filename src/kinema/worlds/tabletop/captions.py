"""Words for a scene: a small grammar with synonyms and free word order, and its way back.

    [scene,] subject [slowly] verb [direction] [relation second] [scene] [camera]
"""

from __future__ import annotations

import numpy as np

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
KIND_WORDS = {"plain": ("",), "checkered": ("checkered",), "wooden": ("wooden",)}
BACKDROP_NOUNS = ("backdrop", "background")


def _pick(rng: np.random.Generator, options):
    return options[int(rng.integers(len(options)))]


def _article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _thing(looks: dict, rng: np.random.Generator) -> str:
    words = []
    if rng.random() < 0.25:
        words.append(_pick(rng, SIZE_WORDS[looks["size"]]))
    if rng.random() < 0.35:
        words.append(_pick(rng, MATERIAL_WORDS[looks["material"]]))
    if looks["pattern"] == "striped":
        words.append("striped")
    noun = NOUNS[looks["shape"]]
    noun = noun[0] if rng.random() < 0.75 else _pick(rng, noun)
    return _article(" ".join([*words, looks["color"], noun]))


def _deed(action: str, direction: str, speed: str, rng: np.random.Generator) -> str:
    verbs = VERBS[action]
    verb = verbs[0] if rng.random() < 0.6 else _pick(rng, verbs)
    where = DIRECTIONS.get(direction, ("",))
    where = where[0] if rng.random() < 0.6 else _pick(rng, where)
    if not direction and action == "bounces" and rng.random() < 0.5:
        where = "up and down"
    if not direction and action == "spins" and rng.random() < 0.4:
        where = "in place"
    if not speed:
        return f"{verb} {where}".strip()
    how = _pick(rng, SPEED_WORDS[speed])
    order = rng.random()
    if order < 0.3 and how in ("slowly", "quickly") and not verb.startswith("is "):
        return f"{how} {verb} {where}".strip()
    if order < 0.65 or not where:
        return f"{verb} {how} {where}".strip()
    return f"{verb} {where} {how}"


def _place(scene: dict, rng: np.random.Generator, falls: bool) -> str:
    kind = KIND_WORDS[scene["kind"]][0]
    table = _article(f"{scene['table']} {kind}".strip() + " table")
    on = "onto" if falls else "on"
    backdrop = f"{_article(scene['backdrop'])} {_pick(rng, BACKDROP_NOUNS)}"
    choice = rng.random()
    if choice < 0.45:
        return f"{on} {table}"
    if choice < 0.8:
        return f"{on} {table} {_pick(rng, ('before', 'against'))} {backdrop}"
    return f"{_pick(rng, ('before', 'against'))} {backdrop}"


def describe(attributes: dict, rng: np.random.Generator) -> str:
    """A caption of the attributes; which synonyms and which order, the generator decides."""
    sentence = [_thing(attributes["subject"], rng)]
    deed = (attributes["action"], attributes["direction"], attributes["speed"])
    sentence.append(_deed(*deed, rng))
    second, relation = attributes["second"], attributes["relation"]
    if second:
        sentence.append(_pick(rng, RELATION_WORDS[relation]))
        sentence.append(_thing(second, rng))
        if second["action"]:
            sentence.append(_deed(second["action"], second["direction"], second["speed"], rng))
    caption = " ".join(sentence)
    if rng.random() < 0.6:
        falls = attributes["action"] == "falls" and not second
        if rng.random() < 0.3:
            caption = f"{_place(attributes['scene'], rng, False)}, {caption}"
        else:
            caption = f"{caption} {_place(attributes['scene'], rng, falls)}"
    camera = attributes["camera"]
    if rng.random() < (0.15 if camera == "still" else 0.9):
        words = _pick(rng, CAMERA_WORDS[camera])
        link = _pick(rng, (", ", " while ", " as ")) if camera != "still" else ", "
        caption = f"{caption}{link}{words}"
    return caption
