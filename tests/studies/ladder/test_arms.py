import pytest

from kinema.denoisers import make_denoiser
from kinema.errors import UserError
from studies.ladder.arms import ARMS, AVERAGED, SHARED, TRACKS, UNMIXED, chosen_arms
from studies.records import MEASURED


def test_the_rungs_that_must_be_there():
    assert {SHARED, AVERAGED} < set(ARMS["frame by frame"].ways)
    assert UNMIXED in ARMS["temporal attention"].ways
    windows = [ARMS[f"window of {w}"].options["mixer"].frames.window for w in (4, 8, 16)]
    assert windows == [4, 8, 16]
    kinds = {arm.options["mixer"].frames.kind for arm in ARMS.values() if arm.track == "long"}
    assert kinds == {"windowed", "hybrid", "full"}
    assert ARMS["causal temporal attention"].options["mixer"].causal
    fast = [arm.config("tiny") for arm in ARMS.values() if arm.track == "fast"]
    assert [config.attention.kind for config in fast] == ["full", "factorized"]


@pytest.mark.parametrize("name", ARMS)
def test_every_rung_is_a_network(name):
    arm = ARMS[name]
    assert arm.track in TRACKS
    assert make_denoiser(arm.config("tiny")).config == arm.config("tiny")


def test_arms_are_chosen_by_name_or_track():
    assert chosen_arms(()) == list(ARMS)
    assert chosen_arms(("fast", "recurrence")) == [
        "recurrence",
        "full, fast motion",
        "factorised, fast motion",
    ]
    assert chosen_arms((MEASURED,)) == []
    with pytest.raises(UserError, match="no arm 'recurence'; did you mean 'recurrence'"):
        chosen_arms(("recurence",))


def test_an_unknown_size_is_told():
    with pytest.raises(UserError, match="no denoiser 'dit-smal'"):
        ARMS["full attention"].config("smal")
