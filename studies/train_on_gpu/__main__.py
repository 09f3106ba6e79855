from studies.command import run_study
from studies.train_on_gpu import run

run_study("train_on_gpu", run)
