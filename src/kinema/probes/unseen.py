"""Seeds of scenes that no training run draws."""

FIRST_SEED = 2_000_000_000
"""The first scene that a probe or a study makes; training counts up from 0."""
