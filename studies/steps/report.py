"""The table of all arms."""

from dataclasses import asdict

import numpy as np

from kinema.probes.prompts.cleanness import Cleanness
from kinema.reports import Report, Rows, Table, command_line
from kinema.reports.words import between, mean, share
from studies.steps.probe import FLOORS, TRUE, Record, Study

HEADER = [
    "clips",
    "all as asked, %",
    "seams, ratio",
    "steps at borders / elsewhere",
    "sharpness of outlines, of true",
    "distance of motion",
    "frames a CPU second",
]
NOTE = """
The same held-out prompts and the same noise for every row, with 95 % intervals. *All as asked*: the
judge reads color, shape, action, direction, camera and second object as the prompt says. *Seams*:
mean absolute steps, in gray levels, of the deviation from the clip's median where nothing moves,
across the borders of the codec's blocks over those elsewhere; *sharpness*: how steeply the outlines
of what moves rise, over that of true renders; both in scenes whose camera stands still. *Distance*:
unbiased kernel distance of motion features from those of true renders through the codec, which no
denoiser can be nearer to; of these themselves, what two halves of them differ by. *Frames a CPU
second*: sampling and decoding.
""".strip()


def report_of(study: Study, records: dict[str, Record]) -> Report:
    """Return the report of what was measured."""
    return Report(
        "How many steps, and how much guidance?",
        command_line("python -m studies.steps", asdict(study)),
        NOTE,
        [Table(f"{study.model}, level {study.level}", rows_of(study, records))],
        {"study": study.settings, "records": {n: asdict(r) for n, r in records.items()}},
    )


def rows_of(study: Study, records: dict[str, Record]) -> Rows:
    """Make a row a record."""
    true = records[TRUE]
    rows = [HEADER]
    for name, record in records.items():
        rate = study.pipe.system.num_frames / record.seconds if record.seconds else 0.0
        value, low, high = record.distance
        clean = Cleanness(record.at_borders, record.elsewhere, record.sharpness)
        borders, elsewhere = (np.mean(steps) for steps in (record.at_borders, record.elsewhere))
        rows.append(
            [
                name,
                share(sum(record.right), len(record.right)),
                mean(clean.ratios),
                f"{borders:.2f} / {elsewhere:.2f}",
                f"{np.nanmean(record.sharpness) / np.nanmean(true.sharpness):.2f}",
                between(value, low, high, ".1f"),
                "" if name in FLOORS else f"{rate:.0f}",
            ]
        )
    return rows
