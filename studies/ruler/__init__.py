"""`python -m studies.ruler`: which metric notices which fault?"""

from studies.ruler.probe import run

__all__ = ["run"]
