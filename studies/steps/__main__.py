from studies.command import run_study
from studies.steps import run

run_study("steps", run)
