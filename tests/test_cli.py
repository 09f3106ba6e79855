"""Commands run in this process; only what needs a process of its own gets one."""

import errno
import os
import signal
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema import cli, clips, video
from kinema.codecs import Pixels
from kinema.errors import Notice, UserError
from kinema.probes import PROBES
from kinema.sampling.rollout import Splice
from kinema.video import Output
from kinema.worlds import writing


class FakePipeline:
    """Answers as a pipeline does, and remembers what it was asked."""

    def __init__(self):
        self.asked = {}

    def to(self, device):
        self.device = device
        return self

    def __call__(self, prompt, **options):
        self.asked = {"prompt": prompt, **options}
        n = options.get("num_videos", 1)
        seeds = [options["seed"] + k for k in range(n)]
        frames = np.zeros((n, 5, 16, 16, 3), np.uint8)
        return Output(frames, 16, [prompt] * n, seeds, {"num_steps": 3})


@pytest.fixture
def pipe(monkeypatch, tmp_path):
    fake = FakePipeline()
    monkeypatch.setattr(kinema, "load", lambda model: fake)
    monkeypatch.chdir(tmp_path)
    return fake


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_the_first_page(capsys, argv):
    status, out, _ = run(capsys, *argv)
    assert status == 0
    for commands in cli.COMMANDS.values():
        assert all(name in out for name in commands)
    assert 'kinema generate "a red ball' in out


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, f"{kinema.__version__}\n")


def test_unknown_command(capsys):
    status, _, err = run(capsys, "genrate")
    assert (status, err.count("\n")) == (2, 1)
    assert "did you mean generate?" in err


@pytest.mark.parametrize("command", ["generate", "world", "denoisers", "info"])
def test_every_command_has_a_page(capsys, command):
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    assert f"kinema {command}" in capsys.readouterr().out


def test_generate_passes_every_flag(capsys, pipe):
    status, out, _ = run(
        capsys, "generate", "a red ball", "--num-frames", "9", "--size", "32x48", "--fps", "8",
        "--seed", "5", "--num-steps", "4", "--guidance-scale", "2.5", "--negative-prompt", "blur",
        "--image", "a.png", "--continue-from", "b.mp4", "-n", "2", "-o", "ball.mp4",
        "--device", "cpu",
    )  # fmt: skip
    assert status == 0
    assert pipe.asked == {
        "prompt": "a red ball", "num_frames": 9, "size": (32, 48), "fps": 8.0, "seed": 5,
        "num_steps": 4, "guidance_scale": 2.5, "negative_prompt": "blur", "image": "a.png",
        "continue_from": "b.mp4", "num_videos": 2, "progress": True,
    }  # fmt: skip
    assert sorted(os.listdir()) == ["ball-0.mp4", "ball-1.mp4", "ball.png"]
    assert "ball.png" in out


def test_generate_leaves_the_rest_to_the_model(capsys, pipe):
    assert run(capsys, "generate", "a red ball", "--size", "32")[0] == 0
    assert pipe.asked == {"prompt": "a red ball", "size": 32, "seed": 0, "progress": True}
    assert clips.read_metadata("a-red-ball-0.mp4")["prompt"] == "a red ball"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["a", "red", "ball"], "quotes"),
        (["a", "-o", "x.avi"], "suffix"),
        (["a", "-o", "."], "suffix"),
        (["a", "--size", "x"], "--size"),
        (["a", "--size", "8x8x8"], "--size"),
        (["a", "--num-frame", "3"], "--num-frames"),
    ],
)
def test_generate_refuses_before_it_works(capsys, pipe, argv, said):
    status, _, err = run(capsys, "generate", *argv)
    assert (status, pipe.asked) == (2, {})
    assert said in err and err.count("\n") == 1


def test_generate_long_is_refused_before_it_works(capsys, pipe):
    status, _, err = run(capsys, "generate", "a ball", "--long", "sliding", "-o", "x.gif")
    assert (status, pipe.asked) == (2, {}) and ".mp4 or .mkv" in err


def test_generate_long_passes_every_flag(capsys, pipe, monkeypatch):
    asked = {}

    def make(pipe, prompt, strategy, output, **options):
        asked.update(options, prompt=prompt, strategy=strategy, output=str(output))
        return video.LongVideo(output, 1000, [])

    pipe.system, pipe.codec = video.System(), Pixels()
    monkeypatch.setattr(video, "generate_long", make)
    argv = ["0: a; 9: b", "--long", "splice", "--num_frames", "1000", "--seed", "3", "-o", "l.mkv"]
    status, out, _ = run(capsys, "generate", *argv)
    assert status == 0 and out.startswith("1000 frames by Splice(window=8, overlap=2")
    assert asked == {
        "prompt": "0: a; 9: b", "strategy": Splice(), "output": "l.mkv", "num_frames": 1000,
        "seed": 3,
    }  # fmt: skip
    status, _, err = run(capsys, "generate", "a", "--long", "slidng", "-o", "l.mkv")
    assert status == 2 and "choose from sliding, splice" in err


def test_plan_a_generation(capsys):
    status, out, _ = run(capsys, "plan", "--list")
    assert status == 0 and "generate" in out and "tabletop-codec" in out
    status, out, _ = run(capsys, "plan", "generate", "--help")
    assert status == 0 and "--memory" in out
    assert run(capsys, "plan", "nothing")[0] == 2
    status, _, err = run(capsys, "plan", "generate", "--sizes", "[0]")
    assert status == 2 and "--sizes" in err


def test_plan_a_recipe(capsys):
    status, out, _ = run(capsys, "plan", "tabletop", "--help")
    assert status == 0 and "--loop.batch_size" in out


def test_generate_without_such_a_model(capsys, tmp_path):
    status, _, err = run(capsys, "generate", "a red ball", "--model", str(tmp_path))
    assert status == 2
    assert "system.json is missing" in err


def test_world_passes_every_flag(capsys, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(writing, "write_world", lambda *arguments: asked.extend(arguments))
    status, _, _ = run(
        capsys, "world", "discs", "-n", "3", "--size", "32x48", "--frames", "5", "--seed", "9",
        "--level", "2", "--split", "held_out", "-o", str(tmp_path),
    )  # fmt: skip
    assert status == 0
    rendering = writing.Rendering(num_frames=5, size=(32, 48), level=2, split="held_out")
    assert asked == ["discs", tmp_path, 3, 9, rendering]


def fake_module(monkeypatch, name: str, **values) -> None:
    monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**values))


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_has_a_page(capsys, name):
    status, out, _ = run(capsys, "probe", name, "--help")
    assert status == 0 and f"kinema probe {name} [OPTIONS]" in out


def test_probe_calls_the_function(capsys, monkeypatch):
    called = {}

    def measure(count: int = 8) -> None:
        """Measure.

        Args:
            count: how many.
        """
        called["count"] = count

    fake_module(monkeypatch, "some.probe", measure=measure)
    fake_module(monkeypatch, "kinema.probes", PROBES={"speed": "some.probe:measure"})
    assert run(capsys, "probe", "speed", "--count", "3")[0] == 0
    assert called == {"count": 3}
    assert "speed" in run(capsys, "probe", "--list")[1]
    assert "--count" in run(capsys, "probe", "speed", "--help")[1]
    status, _, err = run(capsys, "probe", "sped")
    assert status == 2 and "did you mean speed?" in err


def test_train_lists_and_refuses(capsys):
    status, out, _ = run(capsys, "train", "--list")
    assert status == 0 and "tabletop" in out
    status, _, err = run(capsys, "train", "tabeltop")
    assert status == 2 and "did you mean tabletop?" in err
    status, _, err = run(capsys, "train", "tabletop", "--loop.lerning_rate", "1")
    assert status == 2 and "did you mean --loop.learning_rate?" in err


def test_train_fills_the_run(capsys, monkeypatch):
    from kinema.recipes import RECIPES

    run_class = type(RECIPES["tabletop"]())
    trained = []
    monkeypatch.setattr(run_class, "train", lambda self: trained.append(self))
    assert run(capsys, "train", "tabletop", "--loop.batch_size", "3")[0] == 0
    assert trained[0].loop.batch_size == 3
    assert trained[0].folder == RECIPES["tabletop"]().folder


@pytest.mark.parametrize(
    ("argv", "kind", "depth"),
    [
        (["--denoiser", "mmdit-tiny"], "MMDiTConfig", 4),
        (["--denoiser=dit-recurrent", "--denoiser.depth", "2"], "DiTConfig", 2),
        (["--denoiser", "UViTConfig", "--denoiser.depth", "3"], "UViTConfig", 3),
    ],
)
def test_train_takes_a_denoiser_by_name_or_class(capsys, monkeypatch, argv, kind, depth):
    from kinema.recipes import RECIPES

    run_class, trained = type(RECIPES["tabletop"]()), []
    monkeypatch.setattr(run_class, "train", lambda self: trained.append(self))
    assert run(capsys, "train", "tabletop", *argv, "--folder", "x")[0] == 0
    denoiser = trained[0].denoiser
    assert (type(denoiser).__name__, denoiser.depth, trained[0].folder) == (kind, depth, "x")
    if "recurrent" in argv[0]:  # what makes the family is still there
        assert (denoiser.attention.kind, denoiser.mixer.kind) == ("framewise", "recurrence")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "tabletop", "--denoiser", "dit-smal"], "did you mean 'dit-small'?"),
        (["train", "tabletop", "--denoiser", "dit", "--denoiser.dephts", "3"], "mean --depth?"),
        (["train", "tabletop", "--denoiser", "dit", "--denoiser.depth", "many"], "int"),
        (["denoisers", "dti"], "did you mean dit?"),
    ],
)
def test_a_wrong_denoiser_is_one_sentence(capsys, argv, said):
    status, _, err = run(capsys, *argv)
    assert status == 2 and said in err and "Traceback" not in err


def test_info_and_denoisers(capsys):
    assert kinema.__version__ in run(capsys, "info")[1]
    out = run(capsys, "denoisers", "unet-frame")[1]
    assert "unet-frame" in out and "xl" in out and "M" in out and "mmdit" not in out


def failing(error: BaseException):
    def command(argv):
        raise error

    return {"Test": {"fail": command}}


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UserError("The prompt is empty."), 2, "kinema: The prompt is empty."),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "a.mp4"),
            2,
            "kinema: a.mp4: No such file.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "a"),
            2,
            "kinema: a: Permission denied.",
        ),
        (OSError(errno.ENOSPC, "No space left", "a"), 2, "kinema: a: No space left."),
        (KeyboardInterrupt(), 130, "kinema: interrupted."),
    ],
)
def test_mistakes_are_one_line(capsys, monkeypatch, error, status, said):
    monkeypatch.setattr(cli, "COMMANDS", failing(error))
    assert run(capsys, "fail") == (status, "", said + "\n")


@pytest.mark.parametrize(
    "error", [RuntimeError("bug"), ValueError("bug"), OSError(errno.EIO, "io")]
)
def test_bugs_keep_their_traceback(monkeypatch, error):
    monkeypatch.setattr(cli, "COMMANDS", failing(error))
    with pytest.raises(type(error)):
        cli.main(["fail"])


def test_notices_are_one_line_and_other_warnings_stay(capsys, monkeypatch):
    def command(argv):
        warnings.warn("It makes 16x32.", Notice, stacklevel=1)

    monkeypatch.setattr(cli, "COMMANDS", {"Test": {"warn": command}})
    assert run(capsys, "warn") == (0, "", "kinema: It makes 16x32.\n")


def test_ctrl_c_leaves_no_partial_file(tmp_path):
    code = """
import os, signal, sys
from kinema import cli, clips
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored

def encode(clip, note, path):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGINT)

def command(argv):
    import numpy as np
    clips.FORMATS[".mp4"] = encode
    clips.write(clips.Clip(np.zeros((1, 8, 8, 3), np.uint8), 8), argv[0])

cli.COMMANDS = {"Test": {"write": command}}
sys.exit(cli.main(["write", sys.argv[1]]))
"""
    target = tmp_path / "x.mp4"
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "kinema: interrupted.\n")
    assert not list(tmp_path.iterdir())


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m kinema.cli --help | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=Path.cwd())
    assert done.stderr == ""


def test_slug():
    assert cli.slug("A red ball, rolling: to the right now") == "a-red-ball-rolling-to-the"
    assert cli.slug("?!") == "video"
