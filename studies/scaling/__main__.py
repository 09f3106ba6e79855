from studies.command import run_study
from studies.scaling import run

run_study("scaling", run)
