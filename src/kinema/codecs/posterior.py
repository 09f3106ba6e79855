"""What an encoder says of a clip: a Gaussian for every latent (Kingma and Welling 2014)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Posterior:
    """The Gaussian q(latents | frames), before the statistics are taken off.

    mean, log_variance: b c f' h' w'.
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(
            self.mean.shape, generator=generator, dtype=torch.float32, device=self.mean.device
        )
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def kl(self) -> Tensor:
        """KL(q || N(0, 1)), summed over the channels and averaged over the rest: (b,)."""
        mean, log_variance = self.mean.float(), self.log_variance.float()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return kl.sum(dim=1).flatten(1).mean(dim=1)
