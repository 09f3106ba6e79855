from dataclasses import replace

import pytest
import torch

import kinema
from kinema.clips import to_tensor
from kinema.codecs import Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.probes.physics import PhysicsProbe, measure_physics, report_of, run
from kinema.probes.physics.probe import FLOOR, MODEL, judged, predicted, true_clips
from kinema.probes.unseen import FIRST_SEED
from kinema.training.sources import DiscClips
from kinema.video import System, VideoPipeline

SYSTEM = System(
    denoiser="dit", codec="pixels", text="none", prediction="x0", num_frames=20, size=(32, 32),
    fps=10.0, num_steps=1, guidance_scale=1.0, overlap=3,
)  # fmt: skip
TINY = DiTConfig(channels=3, dim=32, depth=1, num_heads=2, patch=(1, 8, 8), text_dim=0)


@pytest.fixture(autouse=True)
def few_neighbors(monkeypatch):
    """The nearest training clip is looked for among 20, which are drawn in no time."""
    monkeypatch.setattr("kinema.probes.physics.baselines.NUM_NEIGHBORS", 20)


@pytest.fixture(scope="module")
def pipe():
    torch.manual_seed(0)
    return VideoPipeline(DiT(TINY), Pixels(), NoText(), SYSTEM).eval().requires_grad_(False)


class Oracle(VideoPipeline):
    """Knows the true clips by their third frame, and so must reach the floor."""

    true: dict[bytes, torch.Tensor] = {}

    def learn(self, data: DiscClips) -> None:
        clips = to_tensor(data.make(list(range(16)))[0]["frames"].numpy())
        self.true |= {clip[:, 2].numpy().tobytes(): clip for clip in clips}

    def complete(self, given, num_frames, seeds, num_steps=None):
        return torch.stack([self.true[clip[:, 2].numpy().tobytes()] for clip in given])


LAWS_AND_FLOORS = [("uniform", 0.005), ("collision", 0.05), ("box", 0.02), ("curtain", 0.02)]


@pytest.mark.parametrize("law, floor", LAWS_AND_FLOORS)
def test_who_knows_the_truth_reaches_the_floor(pipe, law, floor):
    oracle = Oracle(pipe.denoiser, Pixels(), NoText(), SYSTEM)
    for split in ("train", "held_out"):
        oracle.learn(DiscClips(law, split, 20, 32, 2_000_000_000))
    found = measure_physics(PhysicsProbe(law, num_clips=16), oracle)
    for place in ("in", "out"):
        scores = found.scores[place]
        assert scores[MODEL].mean("velocity_error") == scores[FLOOR].mean("velocity_error") < floor
        assert scores["last frame stays"].mean("velocity_error") > 0.15
    if law in ("box", "curtain"):
        assert found.scores["in"]["straight on, as parsed"].mean("velocity_error") < 0.05
        assert "mean training velocity" not in found.scores["in"]
    if law == "uniform":
        straight = found.scores["in"]["straight on, as parsed"].mean("velocity_error")
        assert straight < 0.1 < found.scores["in"]["mean training velocity"].mean("velocity_error")
        assert 0.4 < found.scores["in"]["mean training velocity"].mean("velocity_error") < 1.2


def test_an_untrained_model_is_far_from_the_floor_and_is_reported(pipe, tmp_path, capsys):
    found = measure_physics(PhysicsProbe("parabola", num_clips=8), pipe)
    assert found.scores["in"][MODEL].mean("velocity_error") > 0.3
    assert sum(len(rows) for rows in found.bands().values()) == 8
    report = report_of([found])
    report.show()
    assert "true clips (floor)" in capsys.readouterr().out
    page, figures, sheet = report.write(tmp_path / "physics.md")
    text = page.read_text()
    assert "Kang et al. 2024" in text and "gravity error" in text and "nan" not in text
    assert sheet.stat().st_size > 1000 and "velocity_error" in figures.read_text()


@pytest.mark.parametrize("law", ["uniform", "box", "curtain"])
def test_the_command_loads_a_folder(pipe, tmp_path, capsys, law):
    pipe.save_pretrained(tmp_path / "model")
    model, page = str(tmp_path / "model"), str(tmp_path / "physics.md")
    run(PhysicsProbe(law, model, num_clips=4)).publish(page)
    printed, page = capsys.readouterr().out, (tmp_path / "physics.md").read_text()
    assert "straight on, as parsed" in printed
    for text in (printed, page):  # of a box nothing is published
        assert ("Kang et al." in text) == (law == "uniform")


def test_bad_requests_are_refused():
    with pytest.raises(UserError, match="did you mean 'uniform'"):
        PhysicsProbe("unifrom")
    with pytest.raises(UserError, match="--law beside --model"):
        PhysicsProbe(model="somewhere")
    with pytest.raises(UserError, match="must be 2 or more"):
        replace(PhysicsProbe(), num_clips=1)


@pytest.mark.parametrize(
    ("law", "error"), [("uniform", 0.05), ("parabola", 0.05), ("collision", 0.3)]
)
def test_what_ships_goes_on_as_mechanics_would(law, error):
    pipe = kinema.load(f"physics-{law}")
    true, scenes = true_clips(DiscClips(law, seed=FIRST_SEED), 16)
    made = predicted(pipe, PhysicsProbe(law), true[:, :3], true.shape[1])
    assert judged(made, scenes, 3).mean("velocity_error") < error
