"""`kinema probe codec`: what a codec loses, beside simple ways to keep as many values."""

from kinema.probes.codec.probe import run

__all__ = ["run"]
