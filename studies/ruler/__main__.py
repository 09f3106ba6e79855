from studies.command import run_study
from studies.ruler import run

run_study("ruler", run)
