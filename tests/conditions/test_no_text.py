from kinema.conditions import NoText


def test_it_says_nothing_about_any_prompt():
    text = NoText()
    assert text(["a red ball", ""]) is None
    assert text.unknown_words("a red ball") == ["a", "red", "ball"]
    assert not list(text.parameters())
