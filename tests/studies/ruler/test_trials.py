from collections import Counter

import numpy as np
import pytest

from kinema import clips
from kinema.metrics.verdicts import FAULTS
from studies.ruler.files import write_video
from studies.ruler.trials import CORE, GROUPS, TRIALS


def test_every_group_has_its_trials():
    counts = Counter(trial.group for trial in TRIALS.values())
    assert set(counts) == set(GROUPS)
    assert counts["core"] == len(CORE) == 17
    assert counts["soft"] == 4
    assert counts["harmless"] == 10


def test_what_is_spoiled_has_a_name_and_what_is_harmless_none():
    for trial in TRIALS.values():
        assert bool(trial.names) == (trial.group != "harmless")
        assert trial.group == "harmless" or set(trial.names) & FAULTS.keys()


@pytest.mark.parametrize("name", ["noise", "0.75x", "container", "trim by 2", "one frame"])
def test_a_trial_is_written_as_a_file(pan, tmp_path, name):
    frames = pan(8)
    reference = tmp_path / "reference.mp4"
    write_video(frames, reference)
    folder = tmp_path / "made"
    folder.mkdir()
    made = TRIALS[name].write(frames, 24.0, reference, folder, np.random.default_rng(0))
    read = np.stack(list(clips.stream(made)))
    lengths = {"trim by 2": 6, "one frame": 1}
    assert len(read) == lengths.get(name, 8)
    if name == "container":
        assert made.read_bytes() == reference.read_bytes()
