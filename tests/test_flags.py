from dataclasses import dataclass, field

import pytest

from kinema import flags
from kinema.errors import UserError


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
    return Run(**flags.typed("kinema train x", Run, FILLED, list(argv)))


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
    assert "did you mean Folder?" in refused("--data", "Foldr")


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
    assert "--loop.rat; did you mean --loop.rate?" in refused("--loop.rat", "3")
    assert "did you mean --data.level?" in refused("--data.lewel=3")
    file = tmp_path / "run.yaml"
    file.write_text("loop:\n  ratte: 3\n")
    assert "'ratte' in the configuration, did you mean rate?" in refused("--config", str(file))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--loop.steps", "2.5"], "--loop.steps takes: int, not 2.5"),
        (["--data.sizes", "x"], "--data.sizes takes: list such as [1,2], not x"),
        (["--loop.steps"], "expected one argument"),
        (["--loop.steps", "0"], "steps must be at least 1"),
        (["--config", "none.yaml"], "none.yaml"),
        (["stray"], "stray"),
    ],
)
def test_wrong_values_are_one_sentence(argv, said):
    assert said in refused(*argv)


def test_functions_have_flags_too():
    def values(*argv):
        return flags.typed("kinema probe x", measure, None, list(argv))

    assert values() == {"model": "tabletop", "count": 8, "quick": False}
    assert values("--count", "3", "--quick", "true") == {
        "model": "tabletop",
        "count": 3,
        "quick": True,
    }
    with pytest.raises(UserError, match="did you mean --count"):
        values("--cuont", "3")


@pytest.mark.parametrize(("target", "filled"), [(Run, FILLED), (measure, None)])
def test_help_documents_every_field(capsys, target, filled):
    assert flags.typed("kinema x", target, filled, ["--help"]) is None
    page = capsys.readouterr().out
    rows = list(flags.documented(target, filled))
    assert all(row.flag in page for _, row in rows)
    assert all(row.text for _, row in rows)


def test_documentation_joins_lines():
    assert flags.documentation(Loop)["rate"] == "the learning rate, which may be written 3e-4."


def test_nearest():
    assert flags.nearest("generat", ["generate", "world"]) == "did you mean generate?"
    assert flags.nearest("qqq", ["generate", "world"]) == "choose from generate, world."


def test_an_unknown_option_is_told_the_others_or_where_they_are_when_they_are_many():
    few, many = ["--size", "--seed"], [f"--loop.option_{n}" for n in range(100)]
    assert flags.no_option("kinema x", "--qqq", few).endswith("choose from --size, --seed.")
    assert flags.no_option("kinema x", "--qqq", many).endswith("--qqq; see kinema x --help.")
    assert flags.no_option("kinema x", "--loop.option_9x", many).endswith("loop.option_9?")


def test_parser_errors_are_sentences():
    parser = flags.Parser("kinema x", "what it does")
    parser.add_argument("prompt", metavar="PROMPT")
    parser.add_argument("--size", type=int, metavar="N", help="how large")
    for argv, said in [
        (["a", "--sise", "3"], "has no option --sise; did you mean --size?"),
        (["a", "red", "ball"], "put the prompt in quotes"),
        (["a", "--size", "x"], "invalid int value: 'x'"),
        ([], "PROMPT"),
    ]:
        with pytest.raises(UserError) as caught:
            parser.parse_args(argv)
        assert said in str(caught.value)


def test_dashes_and_underscores_are_the_same():
    values = flags.typed("kinema probe x", measure, None, ["--model=my-own", "--count", "3"])
    assert values["model"] == "my-own"
    assert flags.underscored("--num-prompts=a-b") == "--num_prompts=a-b"
    assert flags.underscored("-n") == "-n" and flags.underscored("a-b") == "a-b"


def test_underscores_and_dashes_are_one():
    parser = flags.Parser("kinema it", "something")
    parser.add_argument("--num-frames", type=int)
    for word in ("--num_frames=9", "--num-frames=9"):
        assert parser.parse_args([word]).num_frames == 9
    with pytest.raises(UserError, match="did you mean --num-frames"):
        parser.parse_args(["--num_frame", "9"])
