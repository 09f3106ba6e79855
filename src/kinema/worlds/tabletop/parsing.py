"""From a caption, or a prompt like one, back to the attributes that it names.

Phrases are looked for longest first and taken out: camera, scene, then the clause of the subject
and that of the second object. What the words do not say is "" or None.
"""

import re
from collections.abc import Mapping

from kinema.worlds.tabletop import captions
from kinema.worlds.tabletop.attributes import (
    BACKDROPS,
    COLORS,
    TABLES,
    Attributes,
    Looks,
    Surroundings,
)

Phrases = Mapping[str, tuple[str, ...]]


def parse(caption: str) -> Attributes:
    """Read the attributes that a caption names; what it does not name is "" or None.

    Never fails: of words outside the grammar it makes nothing.
    """
    rest = " ".join(caption.lower().replace(",", " , ").replace(".", " ").split())
    camera, rest = take(captions.CAMERA_WORDS, rest)
    scene, rest = read_scene(rest)
    relation, first, last = split_at(captions.RELATION_WORDS, rest, r" (?=an? )")
    second = read_looks(last).acting(*read_action(last)) if relation else None
    return Attributes(read_looks(first), *read_action(first), camera, second, relation, scene)


def unknown_words(prompt: str) -> list[str]:
    """List the words of a prompt that no caption contains, in order, each once."""
    words = re.findall(r"[^\W\d_]+", prompt.lower())
    known = captions.vocabulary()
    return list(dict.fromkeys(word for word in words if word not in known))


def take(table: Phrases, text: str) -> tuple[str, str]:
    """Take the longest phrase of a table out of the text; return its meaning and the rest."""
    meaning, before, after = split_at(table, text)
    return meaning, f"{before}|{after}" if meaning else text


def split_at(table: Phrases, text: str, behind: str = r"\b") -> tuple[str, str, str]:
    """Split a text at the longest phrase of a table; return its meaning, and both sides.

    Nothing is found in a text without one: the meaning is "", and all is before it.
    """
    entries = [(phrase, meaning) for meaning, phrases in table.items() for phrase in phrases]
    for phrase, meaning in sorted(entries, key=lambda entry: -len(entry[0])):
        if found := re.search(rf"\b{phrase}{behind}", text):
            return meaning, text[: found.start()], text[found.end() :]
    return "", text, ""


def read_scene(text: str) -> tuple[Surroundings, str]:
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
    return Surroundings(**scene), text


def read_action(clause: str) -> tuple[str, str, str]:
    """Read action, direction and speed."""
    action, clause = take(captions.VERBS, clause)
    direction, clause = take(captions.DIRECTIONS, clause)
    speed, _ = take(captions.SPEED_WORDS, clause)
    return action, direction, speed


def read_looks(clause: str) -> Looks:
    color = re.search(rf"\b({'|'.join(COLORS)})\b", clause)
    return Looks(
        shape=take(captions.NOUNS, clause)[0],
        color=color.group() if color else "",
        material=take(captions.MATERIAL_WORDS, clause)[0],
        size=take(captions.SIZE_WORDS, clause)[0],
        pattern="striped" if re.search(r"\bstriped\b", clause) else "plain",
    )
