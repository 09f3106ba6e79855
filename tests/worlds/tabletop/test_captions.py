"""Captions are sentences of the grammar, and name what the scene holds."""

import numpy as np
import pytest

from kinema.worlds.tabletop import Attributes, captions, sample_scene


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_words_are_in_the_vocabulary_and_articles_fit(level):
    known = captions.vocabulary()
    for seed in range(150):
        words = sample_scene(seed, level, "all").caption.replace(",", "").split()
        assert set(words) <= known
        for article, word in zip(words, words[1:], strict=False):
            assert article != "a" or word[0] not in "aeiou"
            assert article != "an" or word[0] in "aeiou"


def test_subject_action_and_direction_are_always_named():
    for seed in range(150):
        scene = sample_scene(seed, 2, "all")
        attributes = scene.attributes
        assert attributes.subject.color in scene.caption
        assert any(verb in scene.caption for verb in captions.VERBS[attributes.action])
        if attributes.second:
            assert attributes.second.color in scene.caption


def test_the_sentence_of_the_readme_can_be_said():
    looks = {"size": "small", "material": "rubber", "pattern": "plain"}
    attributes = Attributes.from_json({
        "subject": {"color": "red", "shape": "ball", **looks},
        "action": "rolls", "direction": "right", "speed": "", "camera": "still",
        "second": {"color": "blue", "shape": "cube", **looks,
                   "action": "", "direction": "", "speed": ""},
        "relation": "behind", "scene": {"table": "gray", "kind": "plain", "backdrop": "blue"},
    })  # fmt: skip
    said = {captions.describe(attributes, np.random.default_rng(seed)) for seed in range(300)}
    assert "a red ball rolls to the right behind a blue cube" in said
    assert len(said) > 150
