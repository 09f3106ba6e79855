import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinema.worlds import tabletop
from kinema.worlds.tabletop import captions
from kinema.worlds.tabletop.paraphrases import rephrase

SCENES = {"seed": st.integers(0, 10**6), "level": st.sampled_from([1, 2, 3, 4])}


def sentence_of(seed: int, level: int, words: int = 0):
    attributes = tabletop.sample_scene(seed, level).attributes
    return attributes, rephrase(attributes, np.random.default_rng(words))


@given(**SCENES)
def test_every_word_is_one_that_captions_have(seed, level):
    _, sentence = sentence_of(seed, level)
    assert {*sentence.replace(",", "").split()} <= captions.vocabulary()


@given(**SCENES)
def test_it_names_what_every_caption_names(seed, level):
    attributes, sentence = sentence_of(seed, level)
    for thing in filter(None, (attributes.subject, attributes.second)):
        assert thing.color in sentence
        assert any(noun in sentence for noun in captions.NOUNS[thing.shape])
    assert any(verb in sentence for verb in captions.VERBS[attributes.action])
    if attributes.direction:
        assert any(way in sentence for way in captions.DIRECTIONS[attributes.direction])
    if attributes.speed:
        assert any(word in sentence for word in captions.SPEED_WORDS[attributes.speed])
    assert sentence.startswith("as the camera") == (attributes.camera != "still")


@given(**SCENES)
def test_it_is_no_caption_of_the_scene(seed, level):
    attributes, sentence = sentence_of(seed, level)
    made = {captions.describe(attributes, np.random.default_rng(k)) for k in range(20)}
    assert sentence not in made


@given(st.integers(0, 10**6))
def test_one_object_stands_alone(seed):
    attributes, sentence = sentence_of(seed, 1)
    assert attributes.second is None and "on the table" not in sentence
