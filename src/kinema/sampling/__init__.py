"""Walking from noise to video: plans, solvers, guidance, and the sampler."""

from kinema.sampling import plan as plans
from kinema.sampling.denoise import Denoise, denoise_all
from kinema.sampling.guidance import (
    adaptive_projected,
    autoguidance,
    cfg_zero_star,
    classifier_free,
    history_guidance,
    noised_history,
    per_condition,
)
from kinema.sampling.sample import sample
from kinema.sampling.solvers import (
    SOLVERS,
    Ancestral,
    DenoiseFn,
    DPMpp2M,
    DPMpp2MSDE,
    Euler,
    Heun,
    Solver,
)

__all__ = [
    "SOLVERS",
    "Ancestral",
    "DPMpp2M",
    "DPMpp2MSDE",
    "Denoise",
    "DenoiseFn",
    "Euler",
    "Heun",
    "Solver",
    "adaptive_projected",
    "autoguidance",
    "cfg_zero_star",
    "classifier_free",
    "denoise_all",
    "history_guidance",
    "noised_history",
    "per_condition",
    "plans",
    "sample",
]
