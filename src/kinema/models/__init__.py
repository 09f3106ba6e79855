"""The small weights that ship. README.md beside this file lists them."""

from pathlib import Path

SHIPPED = Path(__file__).parent
