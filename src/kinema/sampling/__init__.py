"""From noise to video: plans, solvers, guidance, and the sampler."""

from kinema.sampling import plans
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
from kinema.sampling.guidance_specs import (
    GUIDANCE,
    AdaptiveProjected,
    Autoguidance,
    Branches,
    ClassifierFree,
    Guidance,
    History,
    PerCondition,
    ZeroStar,
    guidance_named,
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
    "GUIDANCE",
    "SOLVERS",
    "AdaptiveProjected",
    "Ancestral",
    "Autoguidance",
    "Branches",
    "ClassifierFree",
    "DPMpp2M",
    "DPMpp2MSDE",
    "Denoise",
    "DenoiseFn",
    "Euler",
    "Guidance",
    "Heun",
    "History",
    "PerCondition",
    "Solver",
    "ZeroStar",
    "adaptive_projected",
    "autoguidance",
    "cfg_zero_star",
    "classifier_free",
    "denoise_all",
    "guidance_named",
    "history_guidance",
    "noised_history",
    "per_condition",
    "plans",
    "sample",
]
