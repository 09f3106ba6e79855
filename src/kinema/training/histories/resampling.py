"""Histories as a model's own rollout would have them: the second training stage against drift.

A model that continues its own frames sees errors that no training clip has, and answers them with
larger ones. Resampling Forcing (Guo et al. 2025, arXiv:2512.15702, section 3.2) lets training see
them: given frames are noised to a time t_s and denoised by the network as it stands, without
gradients; what comes out is what the network would have made of the scene. The frames that follow
are learned as ever, with the true ones as target. No teacher, no discriminator.

Here the given frames of a clip are resampled together, as a rollout in chunks makes them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kinema.diffusion import LogitNormal, Path
from kinema.fields import Count, Positive, Share
from kinema.sampling import DenoiseFn, plans
from kinema.sampling.sample import Step


@dataclass(frozen=True)
class Resampling:
    """How histories are degraded."""

    # of the clips with given frames; the others keep theirs as they are. 0 is off.
    share: Share = 0.0
    mean: float = 0.0  # of the logit of t_s: higher strays further from the true frames
    std: Positive = 1.0  # of the logit of t_s
    num_steps: Count = 2  # Euler steps from t_s to clean

    def draw(self, batch: int) -> Tensor:
        """t_s of every clip, (batch, 1); 0 for those whose history stays as it is."""
        t_s = LogitNormal(self.mean, self.std).draw(batch, 1)
        return torch.where(torch.rand(batch, 1) < self.share, t_s, 0.0)


@torch.no_grad()
def resample_history(
    denoise: DenoiseFn,
    x0: Tensor,
    t: Tensor,
    t_s: Tensor,
    noise: Tensor,
    path: Path,
    num_steps: int = 2,
) -> Tensor:
    """Replace the given frames (t = 0) of some clips by the network's own version of them.

    Args:
        denoise: (x, t) -> x0, the network in training with the clips' conditions.
        x0: true clips, b c f h w.
        t: b f, the noise levels about to be learned.
        t_s: b 1, how far each history is noised; 0 leaves it as it is.
        noise: b c f h w, standard normal.
        path: on which the network is trained.
        num_steps: Euler steps from t_s to clean.

    Returns:
        b c f h w; frames with t > 0 are those of x0, so the loss keeps its targets.
    """
    given = t == 0
    chosen = given & (t_s > 0) & ~given.all(dim=1, keepdim=True)
    now = torch.where(chosen, t_s, 1.0)  # what is not resampled is not there yet
    x = path.add_noise(x0, noise, now)
    for time in plans.times(num_steps)[1:].to(t):  # 1 ... 0, of the way from t_s
        after = torch.where(chosen, time * t_s, 1.0)
        x = Step(path, now, after).apply(x, denoise(x, now).to(x))
        now = after
    torch.clear_autocast_cache()  # it holds weights cast without their gradients by older torch
    return torch.where(chosen[:, None, :, None, None], x, x0)
