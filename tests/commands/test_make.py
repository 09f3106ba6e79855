import os

import numpy as np
import pytest
import torch

from kinema import cli, clips, video
from kinema.codecs import Pixels
from kinema.commands.make import slug
from kinema.sampling.rollout import Splice
from kinema.storage import locked_file
from kinema.video import Output, VideoPipeline
from kinema.worlds import writing


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


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
    monkeypatch.setattr(VideoPipeline, "from_pretrained", lambda model, precision: fake)
    monkeypatch.chdir(tmp_path)
    return fake


def test_generate_passes_every_flag(capsys, pipe):
    status, out, _ = run(
        capsys, "generate", "a red ball", "--num-frames", "9", "--size", "32x48", "--fps", "8",
        "--seed", "5", "--num-steps", "4", "--guidance-scale", "2.5", "--negative-prompt", "blur",
        "--image", "a.png", "--continue-from", "b.mp4", "-n", "2", "-o", "ball.mp4",
        "--video", "c.mp4", "--strength", "0.5", "--guidance", "zero-star",
        "--device", "cpu",
    )  # fmt: skip
    assert status == 0
    assert pipe.asked == {
        "prompt": "a red ball", "num_frames": 9, "size": (32, 48), "fps": 8.0, "seed": 5,
        "num_steps": 4, "guidance_scale": 2.5, "negative_prompt": "blur", "image": "a.png",
        "continue_from": "b.mp4", "num_videos": 2, "progress": True, "video": "c.mp4",
        "strength": 0.5, "guidance": "zero-star",
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
        (["a", "--overlap-noise", "0.1"], "with --long"),
        (["a", "--strength", "0.1"], "name it with --video"),
        (["a", "--overlap-noise", "nan"], "--overlap-noise takes a number, not nan"),
        (["a", "-o", ""], "--output is '', and must be a name"),
        (["a", "--seed", "-1"], "--seed is -1, and must be from 0"),
        (["a", "--guidance-scale", ".inf"], "--guidance-scale is inf, and must be a finite"),
        (["a", "--size", "1000000000"], "--size is 1000000000, and must be from 1 to 16384"),
        (["a", "--num-frames", "0"], "--num-frames is 0, and must be 1 or more"),
        (["a", "--fps", "0"], "--fps is 0.0, and must be more than 0"),
        (["a", "--device", "gpu"], "no device 'gpu' here"),
        (["a", "--device", "cuda:99"], "no device 'cuda:99' here"),
    ],
)
def test_generate_refuses_before_it_works(capsys, pipe, argv, said):
    status, _, err = run(capsys, "generate", *argv)
    assert (status, pipe.asked) == (2, {})
    told = [line for line in err.splitlines() if line != "kinema: Loading the model tabletop."]
    assert len(told) == 1 and said in told[0]


def test_generate_refuses_a_file_that_another_process_writes(capsys, pipe):
    with locked_file("ball.mp4"):
        status, _, said = run(capsys, "generate", "a ball", "-o", "ball.mp4")
    assert status == 2 and "ball.mp4 is in use by process" in said and not pipe.asked


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
    argv += ["--overlap-noise", "0.1"]
    status, out, _ = run(capsys, "generate", *argv)
    assert status == 0 and out.startswith("1000 frames by Splice(window=8, overlap=2")
    assert asked == {
        "prompt": "0: a; 9: b", "strategy": Splice(level=0.1), "output": "l.mkv",
        "num_frames": 1000, "seed": 3,
    }  # fmt: skip
    status, _, err = run(capsys, "generate", "a", "--long", "slidng", "-o", "l.mkv")
    assert status == 2 and "choose from whole, sliding, crossfade" in err


def test_generate_without_such_a_model(capsys, tmp_path):
    status, _, err = run(capsys, "generate", "a red ball", "--model", str(tmp_path))
    assert status == 2
    assert "system.json is missing" in err


def test_world_passes_every_flag(capsys, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(writing, "write_world", lambda *given, progress: asked.extend(given))
    status, _, _ = run(
        capsys, "world", "discs", "-n", "3", "--size", "32x48", "--frames", "5", "--seed", "9",
        "--level", "2", "--split", "held_out", "-o", str(tmp_path),
    )  # fmt: skip
    assert status == 0
    rendering = writing.Rendering(5, (32, 48), level=2, split="held_out", truth=True)
    assert asked == ["discs", tmp_path, 3, 9, rendering]


def test_slug():
    assert slug("A red ball, rolling: to the right now") == "a-red-ball-rolling-to-the"
    assert slug("?!") == "video"
    assert len((slug("赤" * 500) + "-0.mp4").encode()) < 255


@pytest.mark.filterwarnings("ignore::kinema.errors.Notice")  # the size is not its own
def test_generate_runs_a_pipeline_of_diffusers(capsys, tmp_path):
    """The real path: a saved folder, a LoRA, an mp4 that says what it is."""
    tiny = pytest.importorskip("tests.interop.tiny")
    from safetensors.torch import save_file

    tiny.built("wan").save_pretrained(tmp_path / "wan")
    halves = {"lora_A": torch.ones(2, 24), "lora_B": torch.ones(24, 2)}
    lora = {f"transformer.blocks.0.attn1.to_q.{name}.weight": t for name, t in halves.items()}
    save_file(lora, tmp_path / "lora.safetensors")
    status, out, err = run(
        capsys, "generate", "a red ball", "--model", str(tmp_path / "wan"), "--size", "32",
        "--num-frames", "9", "--num-steps", "2", "--seed", "3", "-o", str(tmp_path / "ball.mp4"),
        "--lora", f"{tmp_path}/lora.safetensors:0.5",
    )  # fmt: skip
    assert status == 0, err
    assert "1 x 9 frames of 32x32 at 16 fps, seed 3" in out
    clip = clips.read(tmp_path / "ball.mp4")
    assert clip.frames.shape == (9, 32, 32, 3) and clip.text == "a red ball"
    assert clip.metadata["settings"]["pipeline"] == "WanPipeline"
    assert clip.metadata["settings"]["loras"] == [f"{tmp_path}/lora.safetensors:0.5"]


def test_a_lora_is_of_pipelines_of_diffusers(capsys, pipe):
    status, _, err = run(capsys, "generate", "a red ball", "--lora", "a.safetensors")
    assert status == 2 and "--lora is of pipelines of diffusers" in err
