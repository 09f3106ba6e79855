"""Two tiny codecs as they start, and a study of minutes made one of seconds."""

import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from studies.diffusability import Study
from studies.ladder.making import Making


@pytest.fixture(scope="session")
def codecs(tmp_path_factory):
    """Folders of a codec of 4 channels and one of 6."""
    folder, names = tmp_path_factory.mktemp("codecs"), []
    for channels in (4, 6):
        torch.manual_seed(channels)
        config = CausalVAEConfig(
            channels=channels, widths=(8, 8), encoder_depth=(0, 0), decoder_depth=(0, 0)
        )
        names.append(str(folder / f"of-{channels}"))
        CausalVAE(config).save_pretrained(names[-1])
    return names


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    return Study(
        tmp_path_factory.mktemp("study"), num_samples=4, seeds=2, num_clips=16, num_frames=5,
        pixels=32, training_clips=64, batch_size=2, making=Making(num_steps=2, batch_size=16),
    )  # fmt: skip
