"""`kinema probe consistency`: do things stay what they are?"""

from kinema.probes.consistency.probe import run

__all__ = ["run"]
