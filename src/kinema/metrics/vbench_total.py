"""VBench's total: sixteen dimensions, brought to one scale and weighted as VBench publishes them.

Huang et al. 2024, and `scripts/constant.py` and `scripts/cal_final_score.py` of its repository: a
value is brought to (value - low) / (high - low), the quality and the semantic score are weighted
means of their dimensions, and the total is (4 quality + semantic) / 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

QUALITY_WEIGHT, SEMANTIC_WEIGHT = 4, 1


@dataclass(frozen=True)
class Dimension:
    """The scale of one dimension."""

    is_semantic: bool
    low: float = 0.0
    high: float = 1.0
    weight: float = 1.0


DIMENSIONS = {
    "subject_consistency": Dimension(False, 0.1462),
    "background_consistency": Dimension(False, 0.2615),
    "temporal_flickering": Dimension(False, 0.6293),
    "motion_smoothness": Dimension(False, 0.706, 0.9975),
    "dynamic_degree": Dimension(False, weight=0.5),
    "aesthetic_quality": Dimension(False),
    "imaging_quality": Dimension(False),
    "object_class": Dimension(True),
    "multiple_objects": Dimension(True),
    "human_action": Dimension(True),
    "color": Dimension(True),
    "spatial_relationship": Dimension(True),
    "scene": Dimension(True, high=0.8222),
    "appearance_style": Dimension(True, 0.0009, 0.2855),
    "temporal_style": Dimension(True, high=0.364),
    "overall_consistency": Dimension(True, high=0.364),
}


@dataclass(frozen=True)
class VBenchTotal:
    """The three scores of a set, [0, 1]; None where a dimension is missing."""

    quality: float | None
    semantic: float | None
    total: float | None


def vbench_total(values: Mapping[str, float | None]) -> VBenchTotal:
    """Sum up the mean values of a set by dimension; one that is absent or None is missing."""
    quality, semantic = (weighted_mean(values, is_semantic) for is_semantic in (False, True))
    if quality is None or semantic is None:
        return VBenchTotal(quality, semantic, None)
    whole = QUALITY_WEIGHT * quality + SEMANTIC_WEIGHT * semantic
    return VBenchTotal(quality, semantic, whole / (QUALITY_WEIGHT + SEMANTIC_WEIGHT))


def weighted_mean(values: Mapping[str, float | None], is_semantic: bool) -> float | None:
    """Average one half of the dimensions on VBench's scale; None if one of them is missing."""
    total = weights = 0.0
    for name, dimension in DIMENSIONS.items():
        if dimension.is_semantic == is_semantic:
            value = values.get(name)
            if value is None:
                return None
            scaled = (value - dimension.low) / (dimension.high - dimension.low)
            total, weights = total + dimension.weight * scaled, weights + dimension.weight
    return total / weights
