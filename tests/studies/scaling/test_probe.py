import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema.codecs import Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.probes.physics.probe import FLOOR, FROZEN, true_clips
from kinema.probes.unseen import FIRST_SEED
from kinema.video import System, VideoPipeline
from kinema.worlds import discs
from studies import scaling as command
from studies.scaling import probe
from studies.scaling.arms import RECIPE
from studies.scaling.probe import (
    CODED,
    EDGES,
    IN,
    MIDDLE,
    OUT,
    TRAINING,
    Scaling,
    is_in_the_middle,
    measure_baselines,
    measure_scaling,
    only_coded,
    velocity_errors,
)

SYSTEM = System(
    denoiser="dit", codec="pixels", text="none", prediction="x0", num_frames=8, size=(16, 16),
    fps=10.0, num_steps=1, guidance_scale=1.0, overlap=3,
)  # fmt: skip
TINY = DiTConfig(channels=3, dim=32, depth=1, num_heads=2, patch=(1, 8, 8), text_dim=0)


def make_system(law, num_samples, place, words):
    """In the place of a training: an untrained network and its journal."""
    torch.manual_seed(0)
    VideoPipeline(DiT(TINY), Pixels(), NoText(), SYSTEM).save_pretrained(place / "final")
    lines = [
        {"samples": num_samples, "clips_per_second": 4.0},
        {"samples": num_samples, "held_out_velocity_error": 1.5},
    ]
    (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return place / "final"


@pytest.fixture
def scaling(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "train", make_system)
    monkeypatch.setattr("kinema.probes.physics.baselines.NUM_NEIGHBORS", 20)
    return Scaling(tmp_path / "runs", "uniform", 400, 4, num_frames=8, size=16)


def test_everything_is_done_once_and_in_all_folders(scaling, tmp_path, monkeypatch):
    published = replace(scaling, report=str(tmp_path / "page.md"))
    records, baselines = measure_scaling(published, [RECIPE, "300 clips"])
    one = records["300 clips"]
    assert one.samples == [400] and one.curve == [1.5] and one.clips_per_second == 4.0
    assert one.parameters == sum(p.numel() for p in DiT(TINY).parameters())
    assert "thread" in one.machine
    # An arm is scored on its training clips if it saw all of them: 300 of 400, not 30,000
    assert list(one.errors) == [IN, MIDDLE, OUT, EDGES, TRAINING]
    assert list(records[RECIPE].errors) == [IN, MIDDLE, OUT, EDGES]
    # Another session with the published records trains nothing
    monkeypatch.setattr(probe, "train", None)
    monkeypatch.setattr(probe, "measure_baselines", None)
    elsewhere = replace(published, folder=tmp_path / "elsewhere")
    assert measure_scaling(elsewhere, [RECIPE]) == (records, baselines)
    assert (tmp_path / "elsewhere" / "records" / "300-clips.json").exists()


def test_the_floor_is_low_and_a_frozen_clip_errs_by_the_speed(scaling):
    baselines = measure_baselines(replace(scaling, num_frames=20, size=32, num_clips=12))
    for where, split in ((IN, "train"), (OUT, "held_out"), (EDGES, "edges")):
        assert max(baselines[FLOOR].errors[where]) < 0.02
        _, scenes = true_clips(replace(scaling, num_frames=20).clips(split), 12)
        speeds = np.array([scene.velocities[0, 0] for scene in scenes])
        frozen = np.array(baselines[FROZEN].errors[where])
        assert len(frozen) > 8
        # Where a scene could not be judged it is left out, so errors are some of the speeds
        assert np.abs(frozen[:, None] - speeds).min(1).max() < 1e-4


def test_the_middle_are_the_clips_in_distribution_that_edges_never_shows(scaling):
    sampled = {
        split: [discs.sample_scene(FIRST_SEED + seed, 1, split) for seed in range(40)]
        for split in ("train", "edges", "held_out")
    }
    assert not any(map(is_in_the_middle, sampled["edges"] + sampled["held_out"]))
    # An error that is the speed: a still clip, judged in every frame of a disc in view
    frames, scenes = true_clips(replace(scaling, num_frames=20, size=32).clips("train"), 40)

    def still(given, length):
        return np.concatenate([given, np.repeat(given[:, -1:], length - 3, axis=1)], axis=1)

    errors = velocity_errors(IN, still, frames, scenes)
    assert errors[MIDDLE] == [e for e in errors[IN] if 1.25 < e < 3.75]
    assert 20 < len(errors[MIDDLE]) < len(errors[IN])
    assert list(velocity_errors(OUT, still, frames, scenes)) == [OUT]


def test_in_latents_true_clips_are_scored_as_the_codec_gives_them_back(scaling, monkeypatch):
    class Inverted(Pixels):
        """A codec whose latents are negatives; it loses nothing."""

        def encode(self, frames):
            return -frames

        def decode(self, latents, num_frames=None, size=None):
            return -latents

    frames, scenes = true_clips(scaling.clips("train"), 12)
    coded = only_coded(Inverted(), frames, frames[:, :3], 8)
    assert np.array_equal(coded, frames)
    monkeypatch.setattr(probe, "Pixels", Inverted)  # so that what works on pixels has a codec
    errors = probe.measure_arm(scaling, probe.ARMS[RECIPE], scaling.folder).errors
    floor = measure_baselines(scaling)[FLOOR].errors[IN]
    assert errors[CODED] == floor != errors[IN]


def test_a_folder_of_other_settings_is_refused(scaling):
    measure_scaling(scaling, [RECIPE])
    with pytest.raises(UserError, match="made with num_samples 400, not 800"):
        measure_scaling(replace(scaling, num_samples=800), [RECIPE])


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(UserError, match="--num-clips of at least 2, not 400 and 1"):
        Scaling(tmp_path, num_samples=400, num_clips=1)
    with pytest.raises(UserError, match="did you mean 'parabola'"):
        Scaling(tmp_path, "parabol")
    with pytest.raises(UserError, match="No arm is measured in .* yet"):
        command.run(Scaling(tmp_path, arms=["measured"]))


def test_the_command_writes_a_page(scaling, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page = tmp_path / "scaling.md"
    asked = replace(scaling, arms=["causal attention"], report=str(page))
    command.run(asked).publish(str(page))
    assert page.exists() and (tmp_path / "scaling" / "causal-attention.json").exists()
    assert "Not measured yet: the recipe; width 64;" in capsys.readouterr().out
