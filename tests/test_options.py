"""The command line and YAML become dataclasses; what does not fit is one sentence."""

import re
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.blocks.attention import Causal, Framewise, Hybrid, Windowed
from kinema.blocks.mixers import Attention, Recurrence, Unmixed
from kinema.denoisers import DiTConfig, UNetConfig
from kinema.errors import UserError
from kinema.fields import Count, OneOf, Positive
from kinema.options import read_options


@dataclass
class World:
    """Rendered clips.

    Attributes:
        level: how hard.
        sizes: sides in pixels.
    """

    level: int = 1
    sizes: tuple[int, ...] = (64,)


@dataclass
class Folder:
    """Clips on disk.

    Attributes:
        folder: where they are.
        stride: every which frame.
    """

    folder: str = "clips"
    stride: int = 1


@dataclass
class Loop:
    """How to train.

    Attributes:
        rate: the learning rate, which may
            be written 3e-4.
        steps: how many.
    """

    rate: float = 1e-3
    steps: int = 10

    def __post_init__(self):
        if self.steps < 1:
            raise UserError("steps must be at least 1")


@dataclass
class Run:
    """A run.

    Attributes:
        folder: receives everything.
        data: what to learn from.
        loop: how long.
    """

    folder: str = "runs"
    data: World | Folder = field(default_factory=World)
    loop: Loop = field(default_factory=Loop)


def measure(model: str = "tabletop", *, count: int = 8, quick: bool = False) -> None:
    """Measure a model.

    Args:
        model: which one.
        count: how many clips.
        quick: whether to hurry.
    """


FILLED = Run(folder="mine", loop=Loop(rate=0.5))


def parsed(*argv: str) -> Run:
    return read_options("kinema train x", FILLED, argv)


def refused(*argv: str) -> str:
    with pytest.raises(UserError) as caught:
        parsed(*argv)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults_are_what_was_filled_in():
    assert parsed() == FILLED


def test_flags_reach_every_field():
    run = parsed("--folder", "a", "--loop.rate", "3e-4", "--data.sizes", "[32,64]")
    assert run == Run("a", World(1, (32, 64)), Loop(3e-4, 10))


def test_a_choice_between_dataclasses():
    assert parsed("--data.folder", "here").data == Folder("here")
    assert parsed("--data", "Folder").data == Folder()
    several = ["--data.folder", "here", "--data.stride", "2"]
    assert parsed(*several).data == parsed("--data", "Folder", *several).data == Folder("here", 2)
    assert "did you mean 'Folder'?" in refused("--data", "Foldr")


def test_a_file_says_which_dataclass_by_its_fields(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("data:\n  folder: there\n  stride: 3\n")
    assert parsed("--config", str(file)).data == Folder("there", 3)
    assert parsed("--config", str(file), "--data.stride", "4").data == Folder("there", 4)


def test_yaml_and_flags_mix(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("folder: yaml\nloop:\n  rate: 3e-4\n  steps: 5\n")
    assert parsed("--config", str(file), "--loop.steps", "6") == Run("yaml", World(), Loop(3e-4, 6))


def test_unknown_keys_are_refused_with_the_nearest(tmp_path):
    assert "--loop.rat; did you mean '--loop.rate'?" in refused("--loop.rat", "3")
    assert "did you mean '--data.level'?" in refused("--data.lewel=3")
    file = tmp_path / "run.yaml"
    file.write_text("loop:\n  ratte: 3\n")
    assert (
        "sets loop.ratte, which kinema train x does not have; did you mean 'loop.rate'?"
        in refused("--config", str(file))
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--loop.steps", "2.5"], "--loop.steps takes a whole number, not 2.5."),
        (["--data.sizes", "x"], "--data.sizes takes a list of whole numbers such as [1,2], not x."),
        (["--loop.steps"], "--loop.steps expects a value"),
        (["--loop.steps", "0"], "steps must be at least 1"),
        (["--config", "none.yaml"], "none.yaml"),
        (["stray"], "stray"),
    ],
)
def test_wrong_values_are_one_sentence(argv, said):
    assert said in refused(*argv)


def test_functions_have_flags_too():
    def values(*argv):
        return read_options("kinema probe x", measure, argv)

    assert values() == {"model": "tabletop", "count": 8, "quick": False}
    assert values("--count", "3", "--quick", "true") == {
        "model": "tabletop",
        "count": 3,
        "quick": True,
    }
    with pytest.raises(UserError, match="did you mean '--count'"):
        values("--cuont", "3")


@dataclass
class Bounded:
    """Numbers with ranges.

    Attributes:
        rate: how fast.
        count: how many; null for as many as there are.
        law: of motion.
    """

    rate: Positive = 1.0
    count: Count | None = None
    law: Annotated[str, OneOf(("uniform", "parabola"))] = "uniform"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--rate", "-1"], "--rate is -1.0, and must be more than 0."),
        (["--rate", ".nan"], "--rate is nan, and must be a finite number"),
        (["--rate", "1e999"], "--rate is inf, and must be a finite number"),
        (["--count", "0"], "--count is 0, and must be 1 or more."),
        (["--count", "some"], "--count takes a whole number or null, not some."),
        (["--law", "parabel"], "--law 'parabel' is unknown; did you mean 'parabola'?"),
        (["--rate", ""], "--rate takes a number, not null."),
    ],
)
def test_ranges_are_held_by_options(argv, said):
    with pytest.raises(UserError, match=re.escape(said)):
        read_options("kinema x", Bounded(), argv)
    assert read_options("kinema x", Bounded(), ["--count", "null"]).count is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rate: fast", "run.yaml: rate takes a number, not fast."),
        ("rate: -2", "run.yaml: rate is -2.0, and must be more than 0."),
        ("count: [1]", "run.yaml: count takes a whole number or null, not [1]."),
        ("law: 3", "run.yaml: law takes text, not 3."),
        ("- 1", "run.yaml holds no fields"),
        ("rate: [", "run.yaml is not YAML"),
        ("{rate: {a: 1}}", "sets rate"),
        ("3: 4", "sets 3, which kinema x does not have"),
    ],
)
def test_mistakes_of_a_file_name_it(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_options("kinema x", Bounded(), ["--config", "run.yaml"])
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "run.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not YAML"):
        read_options("kinema x", Bounded(), [f"--config={tmp_path / 'run.yaml'}"])
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_options("kinema x", Bounded(), ["--config", str(tmp_path)])


def test_later_files_and_options_win_over_earlier_ones(tmp_path):
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text("rate: 2\ncount: 2")
    second.write_text("count: 3")
    files = ["--config", str(first), "--config", str(second)]
    assert read_options("kinema x", Bounded(), files) == Bounded(2.0, 3)
    assert read_options("kinema x", Bounded(), ["--count", "4", *files]) == Bounded(2.0, 4)


@given(
    st.builds(
        Bounded,
        rate=st.floats(min_value=1e-300, max_value=1e18),
        count=st.none() | st.integers(1, 2**63 - 1),
        law=st.sampled_from(["uniform", "parabola"]),
    )
)
def test_whatever_fits_survives_the_command_line(filled):
    argv = [f"--rate={filled.rate}", f"--law={filled.law}"]
    argv += [f"--count={'null' if filled.count is None else filled.count}"]
    assert read_options("kinema x", Bounded(), argv) == filled


@given(st.lists(st.text(max_size=12), max_size=4))
def test_whatever_is_typed_is_understood_or_one_sentence(words):
    try:
        run = read_options("kinema train x", FILLED, [w for w in words if "help" not in w])
    except UserError as error:
        assert str(error).endswith((".", "?"))
    else:
        assert run is None or isinstance(run, Run)


def test_dashes_and_underscores_are_the_same():
    def slow(wait_time: int = 1) -> None:
        """Wait."""

    for word in ("--wait-time", "--wait_time"):
        assert read_options("kinema x", slow, [word, "3"]) == {"wait_time": 3}
        assert read_options("kinema x", slow, [f"{word}=3"]) == {"wait_time": 3}
    assert read_options("kinema x", measure, ["--model=my-own_one"])["model"] == "my-own_one"
    with pytest.raises(UserError, match="no option --wait-tme; did you mean '--wait-time'"):
        read_options("kinema x", slow, ["--wait_tme", "3"])


def test_text_that_looks_like_a_number_stays_text():
    def save(folder: str = "", report: str | None = "page.md") -> None:
        """Save."""

    read = read_options("kinema x", save, ["--folder", "7", "--report", "1.0"])
    assert read == {"folder": "7", "report": "1.0"}
    assert read_options("kinema x", save, ["--report", "null"])["report"] is None


def test_a_ready_made_value_goes_by_its_name():
    ready = {"data": {"far": Folder("far away", 9), "other": Loop()}}

    def read(*argv: str) -> Run:
        return read_options("kinema x", FILLED, argv, named=ready)

    assert read("--data", "far").data == Folder("far away", 9)
    assert read("--data.stride", "2", "--data", "far").data == Folder("far away", 2)
    with pytest.raises(UserError, match="did you mean 'far'"):
        read("--data", "fra")
    with pytest.raises(UserError, match="'other' is unknown"):  # it is no kind of `data`
        read("--data", "other")


def test_an_unknown_option_is_told_where_the_others_are_when_they_are_many():
    def few(size: int = 1, seed: int = 2) -> None:
        """Do a little."""

    many = make_dataclass("Many", [(f"option_{n}", int, 0) for n in range(100)])
    with pytest.raises(UserError, match="choose one of --config, --print-config, --seed, --size"):
        read_options("kinema x", few, ["--qqq", "1"])
    with pytest.raises(UserError, match="--qqq; see kinema x --help"):
        read_options("kinema x", many(), ["--qqq", "1"])


# ---- specs


@dataclass
class Clips:
    """Clips.

    Attributes:
        level: how hard.
    """

    level: int = 1


@dataclass
class Networks:
    """A run.

    Attributes:
        data: what to learn from.
        denoiser: the network.
    """

    data: Clips = field(default_factory=Clips)
    denoiser: DiTConfig | UNetConfig = field(default_factory=lambda: DiTConfig(depth=2))


def networks(*argv: str) -> Networks:
    return read_options("kinema train x", Networks(), argv)


def of(*argv: str) -> tuple:
    """Attention and mixer that options with a common prefix ask for."""
    denoiser = networks(*(word.replace("--", "--denoiser.") for word in argv)).denoiser
    assert type(denoiser) is DiTConfig and denoiser.depth == 2
    return denoiser.attention, denoiser.mixer


def refused_of(*argv: str) -> str:
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
    filled = Networks(denoiser=DiTConfig(attention=Hybrid(2, 16)))
    run = read_options("kinema train x", filled, ["--denoiser.attention.window", "5"])
    assert run.denoiser.attention == Hybrid(5, 16)  # what is there stays, if it has the field


def test_a_spec_within_a_spec():
    argv = ["--mixer", "attention", "--mixer.frames", "windowed", "--mixer.frames.window", "9"]
    assert of(*argv, "--mixer.num_heads", "2")[1] == Attention(Windowed(9), 2)
    run = networks("--denoiser", "UNetConfig", "--denoiser.mixer.frames.stride", "3")
    assert run.denoiser == UNetConfig(mixer=Attention(Hybrid(stride=3)))


def test_what_is_printed_as_yaml_is_read_again(tmp_path, capsys):
    file = tmp_path / "run.yaml"
    options = ["--denoiser.attention", "framewise", "--denoiser.mixer.kernel", "5"]
    assert networks(*options, "--print-config") is None
    file.write_text(capsys.readouterr().out)
    assert networks("--config", str(file)) == networks(*options)
    more = networks("--config", str(file), "--denoiser.mixer.causal", "true", "--data.level", "3")
    assert (more.denoiser.mixer.kernel, more.denoiser.mixer.causal, more.data.level) == (5, True, 3)


def test_yaml_may_give_a_name_or_fields(tmp_path):
    file = tmp_path / "run.yaml"
    for text, expected in {"causal": Causal(), "{window: 3}": Windowed(3)}.items():
        file.write_text(f"denoiser:\n  depth: 2\n  attention: {text}\n")
        assert networks("--config", str(file)).denoiser.attention == expected


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["--attention", "casual"],
            "'casual' is unknown; did you mean 'causal'?",
        ),
        (
            ["--attention", "causal", "--attention.window", "8"],
            "has no window: that is of w",
        ),
        (
            ["--attention.window", "many"],
            "attention.window takes a whole number, not many.",
        ),
        (["--attention.windw", "8"], "did you mean '--denoiser.attention.window'?"),
        (
            ["--mixer.frames", "ful"],
            "mixer.frames 'ful' is unknown; did you mean 'full'?",
        ),
        (["--attention", "{a"], "'{a' is unknown; choose one of causal,"),
        (["--attention", '{"kind": "full", "a": 1}'], "no option --denoiser.attention.a;"),
        (["--mixer", "convolution", "--mixer.kernel", "4"], "must be odd"),
        (["--depth", "many"], "--denoiser.depth takes a whole number, not many."),
    ],
)
def test_mistakes_are_one_sentence(argv, said):
    assert said in refused_of(*argv)
