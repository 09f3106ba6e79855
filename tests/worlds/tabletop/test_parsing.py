"""Every caption of the world reads back as what was said, and as nothing that was not."""

import pytest

from kinema.worlds.tabletop import parse, sample_scene, unknown_words


def agrees(said: object, true: object, always: tuple[str, ...]) -> bool:
    """Values are the true ones; unsaid ("") is allowed but for those always said."""
    values = vars(true)
    return all(v == values[k] or (v == "" and k not in always) for k, v in vars(said).items())


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_captions_read_back(level):
    deed = ("action", "direction", "speed")
    looks = ("color", "shape", "pattern")
    for seed in range(150):
        scene = sample_scene(seed, level, "all")
        true, said = scene.attributes, parse(scene.caption)
        assert agrees(said.subject, true.subject, looks), scene.caption
        assert all(getattr(said, k) == getattr(true, k) for k in (*deed, "relation")), scene.caption
        assert said.camera in ("", true.camera), scene.caption
        assert agrees(said.scene, true.scene, ()), scene.caption
        assert (said.second is None) == (true.second is None)
        if true.second:
            assert agrees(said.second, true.second, (*looks, *deed)), scene.caption


def test_free_prompts_are_read_as_far_as_they_go():
    said = parse("Red ball rolls into the distance.")
    assert said.subject.color == "red" and said.direction == "away"
    assert said.second is None and said.camera == ""
    assert parse("").action == "" and parse("nothing of this is known").relation == ""


def test_unknown_words_are_named_once_and_in_order():
    assert unknown_words("A red dragon rolls to the moon, dragon!") == ["dragon", "moon"]
    assert unknown_words("a blue cube spins in place") == []
