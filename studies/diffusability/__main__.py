from studies.command import run_study
from studies.diffusability import run

run_study("diffusability", run)
