from studies.command import run_study
from studies.ladder import run

run_study("ladder", run)
