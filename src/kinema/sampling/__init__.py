"""Walking from noise to video: plans, solvers, guidance, and the sampler."""

from kinema.sampling import plan as plans
from kinema.sampling.denoise import Denoise
from kinema.sampling.guidance import classifier_free
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
    "classifier_free",
    "plans",
    "sample",
]
