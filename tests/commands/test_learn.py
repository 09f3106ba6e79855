import re

import pytest

from kinema import cli
from kinema.commands.learn import FIRST, configured
from kinema.fields import every_option
from kinema.recipes import RECIPES


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_read_again_from_what_it_prints(capsys, tmp_path, name):
    file, run_of_it = tmp_path / "run.yaml", RECIPES[name]()
    assert configured("kinema train x", run_of_it, []) == run_of_it
    assert configured("kinema train x", run_of_it, ["--print-config"]) is None
    file.write_text(capsys.readouterr().out)
    assert configured("kinema train x", run_of_it, ["--config", str(file)]) == run_of_it


def test_help_of_a_recipe_is_short_and_all_of_it_is_there(capsys):
    out = run(capsys, "train", "tabletop", "--help")[1]
    flags = re.findall(r"^ +--[\w.-]+", out, re.M)
    assert len(flags) <= 70 and flags[0].strip() == "--folder"
    assert all(f"--{name.replace('_', '-')}" in out for name in FIRST)
    every = re.findall(
        r"^ +(--[\w.-]+)", run(capsys, "train", "tabletop", "--help", "all")[1], re.M
    )
    options = {f"--{name.replace('_', '-')}" for name in every_option(type(RECIPES["tabletop"]()))}
    assert options <= {flag.removesuffix(".FIELD") for flag in every}


def test_budget_of_a_generation(capsys):
    status, out, _ = run(capsys, "budget", "--list")
    assert status == 0 and "generate" in out and "tabletop-codec" in out
    status, out, _ = run(capsys, "budget", "generate", "--help")
    assert status == 0 and "--memory" in out
    assert run(capsys, "budget", "nothing")[0] == 2
    status, _, err = run(capsys, "budget", "generate", "--sizes", "[0]")
    assert status == 2 and "--sizes" in err


def test_budget_of_a_recipe(capsys):
    status, out, _ = run(capsys, "budget", "tabletop", "--help")
    assert status == 0 and "--loop.batch-size" in out


def test_train_lists_and_refuses(capsys):
    status, out, _ = run(capsys, "train", "--list")
    assert status == 0 and "tabletop" in out
    status, _, err = run(capsys, "train", "tabeltop")
    assert status == 2 and "did you mean 'tabletop'?" in err
    status, _, err = run(capsys, "train", "tabletop", "--loop.lerning_rate", "1")
    assert status == 2 and "did you mean '--loop.learning-rate'?" in err


def test_train_fills_the_run(capsys, monkeypatch):
    run_class = type(RECIPES["tabletop"]())
    trained = []
    monkeypatch.setattr(run_class, "train", lambda self: trained.append(self))
    assert run(capsys, "train", "tabletop", "--loop.batch_size", "3")[0] == 0
    assert trained[0].loop.batch_size == 3
    assert trained[0].folder == RECIPES["tabletop"]().folder


@pytest.mark.parametrize(
    ("recipe", "option"),
    [
        ("physics-parabola", "--denoiser.depth"),
        ("physics-parabola", "--denoiser"),
        ("tabletop-long", "--prediction"),
    ],
)
def test_options_of_the_network_are_refused_where_one_is_trained_further(
    capsys, monkeypatch, recipe, option
):
    monkeypatch.setattr(type(RECIPES[recipe]()), "train", lambda self: pytest.fail("trained"))
    value = {"--denoiser.depth": "2", "--denoiser": "dit-tiny", "--prediction": "eps"}[option]
    status, _, err = run(capsys, "train", recipe, option, value)
    assert status == 2 and f"{option} has no effect with init" in err


@pytest.mark.parametrize(
    ("argv", "kind", "depth"),
    [
        (["--denoiser", "mmdit-tiny"], "MMDiTConfig", 4),
        (["--denoiser=dit-recurrent", "--denoiser.depth", "2"], "DiTConfig", 2),
        (["--denoiser", "UViTConfig", "--denoiser.depth", "3"], "UViTConfig", 3),
    ],
)
def test_train_takes_a_denoiser_by_name_or_class(capsys, monkeypatch, argv, kind, depth):
    run_class, trained = type(RECIPES["tabletop"]()), []
    monkeypatch.setattr(run_class, "train", lambda self: trained.append(self))
    assert run(capsys, "train", "tabletop", *argv, "--folder", "x")[0] == 0
    denoiser = trained[0].denoiser
    assert (type(denoiser).__name__, denoiser.depth, trained[0].folder) == (kind, depth, "x")
    if "recurrent" in argv[0]:  # what makes the family is still there
        assert (denoiser.attention.kind, denoiser.mixer.kind) == ("framewise", "recurrence")


def test_train_takes_attention_by_name(capsys, monkeypatch):
    from kinema.blocks.attention import Causal, Windowed

    run_class, trained = type(RECIPES["tabletop"]()), []
    monkeypatch.setattr(run_class, "train", lambda self: trained.append(self))
    window = ["--denoiser", "dit-tiny", "--denoiser.attention.window", "8"]
    for argv in (["--denoiser.attention", "causal"], window):
        assert run(capsys, "train", "tabletop", *argv)[0] == 0
    assert [one.denoiser.attention for one in trained] == [Causal(), Windowed(8)]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "tabletop", "--denoiser.attention", "casual"], "did you mean 'causal'?"),
        (["train", "tabletop", "--denoiser", "dit-smal"], "did you mean 'dit-small'?"),
        (
            ["train", "tabletop", "--denoiser", "dit", "--denoiser.dephts", "3"],
            "mean '--denoiser.depth'?",
        ),
        (["train", "tabletop", "--denoiser", "dit", "--denoiser.depth", "many"], "a whole number"),
        (["denoisers", "dti"], "did you mean 'dit'?"),
    ],
)
def test_a_wrong_denoiser_is_one_sentence(capsys, argv, said):
    status, _, err = run(capsys, *argv)
    assert status == 2 and said in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--prediction", "epsilon"),
        ("--loop.learning-rate", "-1"),
        ("--caption-dropout", "2"),
        ("--loop.optimizer", "sgd"),
        ("--folder", ""),
        ("--data.size", "1000000000"),
        ("--noise.std", ".nan"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_made(
    capsys, monkeypatch, tmp_path, option, value
):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, "train", "tabletop", option, value)
    assert status == 2 and option in err and err.count("\n") == 2  # the first: what is loaded
    assert list(tmp_path.iterdir()) == []


def test_an_option_by_its_old_name_still_works(capsys, monkeypatch):
    from kinema.recipes import RECIPES

    run_class, trained = type(RECIPES["physics-box"]()), []
    monkeypatch.setattr(run_class, "train", lambda self: trained.append(self))
    status, _, err = run(capsys, "train", "physics-box", "--wear.tint", "0.3")
    assert status == 0 and trained[0].degradation.tint == 0.3
    assert "--wear.tint is --degradation.tint now" in err
