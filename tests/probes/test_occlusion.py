"""Scenes are found by their truth; what a perfect video and an empty one are said to show."""

from types import SimpleNamespace

import pytest

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.probes import occlusion
from kinema.probes.drift import Contenders
from kinema.probes.drift.probe import TRUE
from kinema.probes.occlusion import Survival, hidden_scenes, measure_survival, survival_table
from kinema.video import System
from kinema.worlds import tabletop

SYSTEM = System(num_frames=17, size=(64, 64), fps=16.0, overlap=5)


@pytest.fixture(scope="module")
def scenes():
    return hidden_scenes(8, 2, SYSTEM)


def test_the_subject_is_hidden_for_about_so_long(scenes):
    assert len(scenes) == 2
    for scene in scenes:
        assert 5 <= scene.stop - scene.start <= 11 and scene.start >= 5
        assert len(scene.frames) == scene.stop + 17
        truth = tabletop.render([scene.seed], scene.stop + 1, 64, 2, truth=True)[0].truth
        visible = truth.tracks["visible"][0]
        assert (visible[scene.start + 1 : scene.stop - 1] < 0.6).all() and visible[0] > 0.5


def test_what_comes_out_again_is_counted(scenes, tmp_path, monkeypatch):
    class Codec:
        factors = (4, 8, 8)

        def latent_shape(self, num_frames, height, width):
            return (4, 1 + (num_frames + 2) // 4, height // 8, width // 8)

    def make(pipe, caption, strategy, target, num_frames, seed, continue_from, **options):
        frames = next(s.frames for s in scenes if s.seed == seed).copy()
        if strategy.__class__.__name__ == "Rolling":  # nothing ever comes out
            frames[len(continue_from) :] = 0
        clips.write(Clip(frames, 16.0, metadata={"joins": []}), target)

    monkeypatch.setattr(occlusion, "hidden_scenes", lambda *_: scenes)
    pipe = SimpleNamespace(system=SYSTEM, codec=Codec())
    contenders = Contenders(
        ("m",), ("sliding", "rolling"), folder=str(tmp_path), load=lambda name: pipe, make=make
    )
    found = measure_survival(contenders, [8], 2)
    assert found["m, sliding"][8].right == found[TRUE][8].right
    assert found["m, rolling"][8].right <= found[TRUE][8].right
    assert found["m, sliding"][8].horizon == 2 * 4 and found[TRUE][8].horizon is None


def test_survival_stands_beside_the_horizon_and_the_true_clips():
    found = {
        TRUE: {8: Survival(4, 4), 16: Survival(3, 4)},
        "m, sliding": {8: Survival(2, 4, horizon=12)},
    }
    rows = survival_table(found)
    assert rows[0] == ["", "sees back (frames)", "hidden for 8", "hidden for 16"]
    assert rows[1][:2] == [TRUE, "-"] and rows[1][3].startswith("75 (")
    assert rows[2][1] == "12" and rows[2][2].startswith("50 (") and rows[2][3] == "-"


def test_the_command_prints_and_writes(tmp_path, monkeypatch, capsys):
    found = {TRUE: {8: Survival(4, 4)}}
    monkeypatch.setattr(occlusion, "measure_survival", lambda *_: found)
    occlusion.run(report=str(tmp_path / "o.md"))
    assert "100 (51-100, n = 4)" in capsys.readouterr().out
    assert "| true continuation | - | 100" in (tmp_path / "o.md").read_text()
    assert '"right": 4' in (tmp_path / "o.json").read_text()
    with pytest.raises(UserError, match="at least 1"):
        occlusion.run(lengths=[])
