"""From a caption, or a prompt like one, back to the attributes that it names.

Phrases are looked for longest first and taken out: camera, scene, then the clause of the subject
and that of the second object. What the words do not say is "" or None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kinema.worlds.tabletop import captions
from kinema.worlds.tabletop.attributes import BACKDROPS, COLORS, TABLES

Phrases = Mapping[str, tuple[str, ...]]


def parse(caption: str) -> dict:
    """The attributes that a caption names, in the form of `Scene.attributes`.

    Never fails: of words outside the grammar it makes nothing.
    """
    rest = " ".join(caption.lower().replace(",", " , ").replace(".", " ").split())
    camera, rest = _take(captions.CAMERA_WORDS, rest)
    scene, rest = _scene(rest)
    relation, first, last = _split(rest)
    action, direction, speed = _deed(first)
    second = None
    if relation:
        deed = dict(zip(("action", "direction", "speed"), _deed(last), strict=True))
        second = {**_thing(last), **deed}
    return {
        "subject": _thing(first), "action": action, "direction": direction, "speed": speed,
        "camera": camera, "second": second, "relation": relation, "scene": scene,
    }  # fmt: skip


def unknown_words(prompt: str) -> list[str]:
    """The words of a prompt that no caption contains, in order, each once."""
    words = re.findall(r"[^\W\d_]+", prompt.lower())
    known = captions.vocabulary()
    return list(dict.fromkeys(word for word in words if word not in known))


def _take(table: Phrases, text: str) -> tuple[str, str]:
    """The meaning of the longest phrase of a table in the text, and the text without it."""
    entries = [(phrase, meaning) for meaning, phrases in table.items() for phrase in phrases]
    for phrase, meaning in sorted(entries, key=lambda entry: -len(entry[0])):
        found = re.search(rf"\b{phrase}\b", text)
        if found:
            return meaning, f"{text[: found.start()]}|{text[found.end() :]}"
    return "", text


def _scene(text: str) -> tuple[dict, str]:
    kinds = "|".join(kind for kind in captions.KIND_WORDS.values() if kind)
    table = rf"\b(?:onto|on) an? (?P<table>{'|'.join(TABLES)})(?: (?P<kind>{kinds}))? table\b"
    links, nouns = "|".join(captions.BACKDROP_LINKS), "|".join(captions.BACKDROP_NOUNS)
    backdrop = rf"\b(?:{links}) an? (?P<backdrop>{'|'.join(BACKDROPS)}) (?:{nouns})\b"
    scene = {"table": "", "kind": "", "backdrop": ""}
    for pattern in (table, backdrop):
        found = re.search(pattern, text)
        if found:
            scene.update({key: value or "plain" for key, value in found.groupdict().items()})
            text = f"{text[: found.start()]}|{text[found.end() :]}"
    return scene, text


def _split(text: str) -> tuple[str, str, str]:
    """Relation, the subject's clause and the second object's."""
    entries = [(p, meaning) for meaning, ps in captions.RELATION_WORDS.items() for p in ps]
    for phrase, meaning in sorted(entries, key=lambda entry: -len(entry[0])):
        found = re.search(rf"\b{phrase} (?=an? )", text)
        if found:
            return meaning, text[: found.start()], text[found.end() :]
    return "", text, ""


def _deed(clause: str) -> tuple[str, str, str]:
    action, clause = _take(captions.VERBS, clause)
    direction, clause = _take(captions.DIRECTIONS, clause)
    speed, _ = _take(captions.SPEED_WORDS, clause)
    return action, direction, speed


def _thing(clause: str) -> dict:
    color = re.search(rf"\b({'|'.join(COLORS)})\b", clause)
    return {
        "shape": _take(captions.NOUNS, clause)[0],
        "color": color.group() if color else "",
        "material": _take(captions.MATERIAL_WORDS, clause)[0],
        "size": _take(captions.SIZE_WORDS, clause)[0],
        "pattern": "striped" if re.search(r"\bstriped\b", clause) else "plain",
    }
