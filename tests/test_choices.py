import json
from dataclasses import dataclass, field

import pytest

from kinema import choices
from kinema.blocks.attention import Causal, Framewise, Hybrid, Windowed
from kinema.blocks.mixers import Attention, Recurrence, Unmixed
from kinema.denoisers import DiTConfig, UNetConfig
from kinema.errors import UserError
from kinema.flags import typed


@dataclass
class Data:
    """Clips.

    Attributes:
        level: how hard.
    """

    level: int = 1


@dataclass
class Run:
    """A run.

    Attributes:
        data: what to learn from.
        denoiser: the network.
    """

    data: Data = field(default_factory=Data)
    denoiser: DiTConfig | UNetConfig = field(default_factory=lambda: DiTConfig(depth=2))


def parsed(*argv: str) -> Run:
    return Run(**typed("kinema train x", Run, Run(), list(argv)))


def of(*argv: str) -> tuple:
    """Attention and mixer that options with a common prefix ask for."""
    denoiser = parsed(*(word.replace("--", "--denoiser.") for word in argv)).denoiser
    assert type(denoiser) is DiTConfig and denoiser.depth == 2
    return denoiser.attention, denoiser.mixer


def refused(*argv: str) -> str:
    with pytest.raises(UserError) as caught:
        of(*argv)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_spec_goes_by_its_name_or_its_class():
    for name in ("causal", "Causal", "CAUSAL", '{"kind": "causal", "chunk": 1}'):
        assert of("--attention", name) == (Causal(), Unmixed())
    assert of("--attention=framewise", "--mixer", "recurrence") == (Framewise(), Recurrence())


def test_all_of_its_fields_count_in_any_order():
    expected = Hybrid(window=8, stride=4, causal=True), Unmixed()
    fields = ["--attention.window", "8", "--attention.stride=4", "--attention.causal", "true"]
    assert of("--attention", "hybrid", *fields) == of(*fields, "--attention=Hybrid") == expected


def test_a_field_alone_tells_the_kind():
    assert of("--attention.window", "8")[0] == Windowed(8)
    assert of("--attention.chunk", "3")[0] == Causal(3)
    filled = Run(denoiser=DiTConfig(attention=Hybrid(2, 16)))
    values = typed("kinema train x", Run, filled, ["--denoiser.attention.window", "5"])
    assert values["denoiser"].attention == Hybrid(5, 16)  # what is there stays, if it has the field


def test_a_spec_within_a_spec():
    argv = ["--mixer", "attention", "--mixer.frames", "windowed", "--mixer.frames.window", "9"]
    assert of(*argv, "--mixer.num_heads", "2")[1] == Attention(Windowed(9), 2)
    run = parsed("--denoiser", "UNetConfig", "--denoiser.mixer.frames.stride", "3")
    assert run.denoiser == UNetConfig(mixer=Attention(Hybrid(stride=3)))


def test_what_is_printed_as_yaml_is_read_again(tmp_path, capsys):
    file = tmp_path / "run.yaml"
    options = ["--denoiser.attention", "framewise", "--denoiser.mixer.kernel", "5"]
    with pytest.raises(SystemExit):
        parsed(*options, "--print_config")
    file.write_text(capsys.readouterr().out)
    assert parsed("--config", str(file)) == parsed(*options)
    more = parsed("--config", str(file), "--denoiser.mixer.causal", "true", "--data.level", "3")
    assert (more.denoiser.mixer.kernel, more.denoiser.mixer.causal, more.data.level) == (5, True, 3)


def test_yaml_may_give_a_name_or_fields(tmp_path):
    file = tmp_path / "run.yaml"
    for text, expected in {"causal": Causal(), "{window: 3}": Windowed(3)}.items():
        file.write_text(f"denoiser:\n  depth: 2\n  attention: {text}\n")
        assert parsed("--config", str(file)).denoiser.attention == expected


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["--attention", "casual"],
            "'casual' is unknown; did you mean causal?",
        ),
        (
            ["--attention", "causal", "--attention.window", "8"],
            "has no window: that is of w",
        ),
        (["--attention.window", "many"], "--denoiser.attention.window takes: int, not many"),
        (["--attention.windw", "8"], "did you mean --denoiser.attention.window?"),
        (["--mixer.frames", "ful"], "--denoiser.mixer.frames 'ful' is unknown; did you mean full?"),
        (["--attention", "{a"], "takes a name, a number or a dictionary, not {a"),
        (["--attention", '{"kind": "full", "a": 1}'], "full has no a;"),
        (["--mixer", "convolution", "--mixer.kernel", "4"], "must be odd"),
        (["--depth", "many"], "--denoiser.depth takes: int, not many"),
    ],
)
def test_mistakes_are_one_sentence(argv, said):
    assert said in refused(*argv)


def test_a_spec_as_a_dictionary_is_json():
    spec = Attention(Hybrid(2, 3), 8)
    kinds = choices.specs_of(DiTConfig)["mixer"]
    values = json.loads(json.dumps(choices.dictionary(spec)))
    assert values["frames"]["kind"] == "hybrid"
    assert choices.spec_of("--mixer", kinds, values) == spec


def test_every_spec_of_a_run_is_found():
    assert list(choices.places(Run())) == ["denoiser.attention", "denoiser.mixer"]
    assert not choices.specs_of(Data)
