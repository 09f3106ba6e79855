"""Optimizers and the learning-rate schedule."""

import torch
from torch import nn

OPTIMIZERS = ("adamw", "muon")


def learning_rate_factor(samples: int, num_samples: int, warmup: int, decay_share: float) -> float:
    """Warm-up, plateau, linear decay to zero (WSD; Hu et al. 2024, MiniCPM).

    The plateau does not know when the run ends, so a run can be lengthened before it decays.

    Args:
        samples: samples seen so far.
        num_samples: length of the run in samples.
        warmup: samples over which the rate rises linearly.
        decay_share: the last share of the run, over which the rate falls to zero.

    Returns:
        a factor in [0, 1] for the peak learning rate.
    """
    rise = min(1.0, (samples + 1) / max(1, warmup))
    fall = min(1.0, (num_samples - samples) / max(1.0, decay_share * num_samples))
    return max(0.0, min(rise, fall))


def make_optimizers(
    network: nn.Module, name: str, learning_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """AdamW on everything, or Muon (Jordan 2024) on hidden matrices and AdamW on the rest.

    Muon orthogonalises each matrix's momentum and scales it to AdamW's update size
    (Moonlight, Liu 2025), so both kinds share one learning rate. Embeddings, first and last
    layers and all vectors stay with AdamW.
    """
    parameters = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    hidden = [p for n, p in parameters if name == "muon" and _is_hidden_matrix(n, p)]
    taken = {id(p) for p in hidden}
    rest = [p for _, p in parameters if id(p) not in taken]
    decayed = [p for p in rest if p.ndim >= 2]
    plain = [p for p in rest if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain}]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    ]
    if hidden:
        optimizers.append(
            torch.optim.Muon(
                hidden, learning_rate, weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
            )
        )
    return optimizers


def _is_hidden_matrix(name: str, p: nn.Parameter) -> bool:
    return p.ndim == 2 and min(p.shape) >= 64 and "blocks." in name
