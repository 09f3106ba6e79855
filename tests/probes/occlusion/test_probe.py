"""What a perfect video and one in which nothing comes out are said to show; a whole run."""

from types import SimpleNamespace

import pytest
import torch

from kinema import clips
from kinema.clips import Clip
from kinema.codecs import Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.probes.drift.probe import TRUE
from kinema.probes.long_videos import makers
from kinema.probes.occlusion import OcclusionProbe, measure_occlusion, run
from kinema.probes.occlusion.probe import HELD, Sight
from kinema.probes.occlusion.worlds import Curtain
from kinema.video import System, VideoPipeline

SYSTEM = System(num_frames=17, size=(32, 32), fps=10.0, overlap=5)


class Codec:
    factors = (4, 8, 8)

    def latent_shape(self, num_frames, height, width):
        return (4, 1 + (num_frames + 2) // 4, height // 8, width // 8)


def test_what_comes_out_again_is_counted(tmp_path):
    scenes = Curtain().scenes(8, 3, SYSTEM)

    def make(pipe, caption, strategy, target, num_frames, seed, continue_from, **options):
        scene = next(scene for scene in scenes if scene.seed == seed)
        frames = scene.frames.copy()
        assert len(continue_from) == scene.start and len(frames) == scene.start + num_frames
        if strategy.__class__.__name__ == "Rolling":  # it comes out three frames late
            frames[scene.start + 3 :] = frames[scene.start : -3].copy()
        if strategy.__class__.__name__ == "Autoregressive":  # and here in another color
            frames[len(continue_from) :] = frames[len(continue_from) :, :, :, ::-1]
        clips.write(Clip(frames, 10.0, metadata={"joins": []}), target)

    denoiser = SimpleNamespace(is_causal=False, can_forget=False)
    pipe = SimpleNamespace(system=SYSTEM, codec=Codec(), denoiser=denoiser, state_dict=dict)
    names = ("sliding", "rolling", "autoregressive")
    columns = makers(("m",), names, folder=str(tmp_path), load=lambda name: pipe, make=make)
    probe = OcclusionProbe(("m",), names, (8, 1000), 3)
    found = measure_occlusion(probe, columns).found
    assert list(found) == [TRUE, HELD, *(f"m, {name}" for name in names)]
    assert all(list(row) == [8] for row in found.values())  # none hides for a thousand frames
    assert found[TRUE][8].right == found["m, sliding"][8].right == found[TRUE][8].total == 3
    assert found[TRUE][8].late == found["m, sliding"][8].late == [0, 0, 0]
    assert max(found[TRUE][8].off) < 0.03
    assert found[HELD][8].right == 0 and found[HELD][8].late == []
    assert found["m, rolling"][8].right == 3 and found["m, rolling"][8].late == [3, 3, 3]
    assert 0.2 < max(found["m, rolling"][8].off) < 2
    assert found["m, autoregressive"][8].right == 0
    assert found["m, sliding"][8].sight == Sight(2 * 4) and found[TRUE][8].sight is None
    assert found["m, autoregressive"][8].sight == Sight(2 * 4, sinks=1)
    assert found["m, sliding"][8].gaps == [scene.gap for scene in scenes]


def test_the_command_makes_reads_prints_and_writes(tmp_path, capsys):
    torch.manual_seed(0)
    config = DiTConfig(channels=3, dim=32, depth=1, num_heads=2, patch=(1, 8, 8), text_dim=0)
    system = System(
        prediction="x0", num_frames=8, size=(16, 16), fps=10.0, num_steps=1, guidance_scale=1.0,
        overlap=3,
    )  # fmt: skip
    model, page = tmp_path / "box", tmp_path / "o.md"
    VideoPipeline(DiT(config), Pixels(), NoText(), system).save_pretrained(model)
    made = str(tmp_path / "made")
    run(OcclusionProbe([str(model)], ["sliding"], [8], 1, folder=made)).publish(str(page))
    printed = capsys.readouterr().out
    assert "100 (21-100, n = 1)" in printed and "inside the horizon" in printed
    text = page.read_text()
    assert "| true continuation | 100" in text and f"| {HELD} | 0" in text
    assert "sliding | 3 | - | 0 (" in text
    assert "--world curtain" in text and "--lengths '[8]'" in text and "late 0.0" in text
    assert '"survived": true' in page.with_suffix(".json").read_text()


def test_bad_requests_are_refused():
    with pytest.raises(UserError, match="no length"):
        OcclusionProbe(lengths=[])
    with pytest.raises(UserError, match="world .moon. is unknown; choose one of curtain, tabletop"):
        OcclusionProbe(world="moon")
