"""VideoMAE: features of clips that see motion better than I3D does (Ge et al. 2024, CD-FVD).

A VideoMAE of transformers (Tong et al. 2022) from a folder or the hub: the mean of its tokens, and
where the folder holds a classifier its final norm too, which is what CD-FVD compares.

Before: bilinear without antialiasing to the model's size whatever the aspect, values in [0, 1], as
CD-FVD does for its VideoMAE-v2; if the folder brings a `preprocessor_config.json`, its mean and
standard deviation are subtracted and divided by, as its authors did in training.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.metrics.features.encoders import found, load_checked, read_config
from kinema.metrics.features.i3d import squash


@dataclass(frozen=True)
class VideoMAE:
    """videomae(x: b 3 f h w in [-1, 1]) -> (b d); `f` must be `num_frames`."""

    model: nn.Module  # transformers' VideoMAEModel
    norm: nn.Module  # the classifier's norm of the mean token, or nothing
    mean: Tensor  # of each channel, subtracted in [0, 1]
    std: Tensor  # of each channel

    @property
    def num_frames(self) -> int:
        """Frames of a clip."""
        return self.model.config.num_frames

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        x = (squash(x, self.model.config.image_size) + 1) / 2
        x = (x.to(self.mean.device) - self.mean) / self.std
        tokens = self.model(rearrange(x, "b c f h w -> b f c h w")).last_hidden_state
        return self.norm(tokens.mean(1))


def videomae_features(folder: str | Path, device: str = "cpu") -> VideoMAE:
    """Load a VideoMAEModel or a VideoMAEForVideoClassification of transformers.

    Raises:
        UserError: if nothing is there, the model is another one, or weights are missing.
    """
    config = read_config(folder, {"videomae"}, "VideoMAE")
    classifies = "VideoMAEForVideoClassification" in (config.get("architectures") or [])
    if classifies:
        whole = load_checked(folder, "VideoMAEForVideoClassification")
        model, norm = whole.videomae, whole.fc_norm or nn.Identity()
    else:
        model, norm = load_checked(folder, "VideoMAEModel"), nn.Identity()
    path = found(folder, "preprocessor_config.json")
    statistics = json.loads(path.read_text()) if path else {}
    mean, std = (
        torch.tensor(statistics.get(name, [default] * 3), device=device).view(3, 1, 1, 1)
        for name, default in (("image_mean", 0.0), ("image_std", 1.0))
    )
    return VideoMAE(model.to(device), norm.to(device), mean, std)
