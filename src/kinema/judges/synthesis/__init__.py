"""Analysis by synthesis: what a tabletop clip shows is what the world must render to show it.

The stage and the solids on it are fitted to a clip by the world's own renderer. Shape, path,
contact and size are then those of the fit, and what is left over is what no scene of this world
explains.
"""

from kinema.judges.synthesis.explanation import Explanation, explain
from kinema.judges.synthesis.measures import Figures, best_render, figures
from kinema.judges.synthesis.reading import answers
from kinema.judges.synthesis.solids import Guess, Solid

__all__ = [
    "Explanation", "Figures", "Guess", "Solid", "answers", "best_render", "explain", "figures",
]  # fmt: skip
