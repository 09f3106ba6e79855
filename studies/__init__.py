"""Experiments that print pages of docs/results: `python -m studies.ladder --help` in a clone."""
