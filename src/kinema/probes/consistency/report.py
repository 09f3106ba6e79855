"""What the probe of consistency found: shares of clips that break a law, and scores."""

from dataclasses import asdict

import numpy as np

from kinema.metrics.objects.finding import Finding
from kinema.metrics.objects.physics import PROBES
from kinema.metrics.vector import CONSISTENCY
from kinema.probes.consistency.probe import FILES, ConsistencyFindings, Probed, Proof
from kinema.reports import Report, Rows, Table, command_line
from kinema.reports.words import mean, share

NUM_RESAMPLES = 2_000
NOTE = """
Objects are found in the frames by color and followed; [the probes](../consistency.md) look at their
tracks. Shares are of the clips in which a probe could tell, in % with 95 % Wilson intervals. Means
have 95 % intervals from resampling the clips. The *floor* is the same on true renders: a share
above 0 there is a false alarm of the probe.
""".strip()
PROOF_NOTE = """
Each law is broken on purpose in clips that obey it. *Seen* is the share of these clips that the
law's own probe calls violated. The last column is the share of the same clips, before the law was
broken, that it calls violated.
""".strip()


def physics_table(columns: dict[str, list[Probed]]) -> Rows:
    """Make a row a probe; of each column the share violated, and the median of its figure."""
    rows = [["law", *(head for name in columns for head in (name, "median"))]]
    for probe in PROBES:
        row = [probe]
        for probed in columns.values():
            findings = [one.physics[probe] for one in probed]
            values = [finding.value for finding in findings if finding.holds is not None]
            unit = findings[0].unit if findings else ""
            median = f"{np.median(values):.3g} {unit}" if values else "-"
            row += [violated(findings), median]
        rows.append(row)
    return rows


def score_table(columns: dict[str, list[Probed]]) -> Rows:
    """Make a row a score; of each column the mean with its 95 % interval."""
    rows = [["what must not change", "score", *columns]]
    for aspect, names in CONSISTENCY.items():
        for name in names:
            figures = [[one.scores[name] for one in probed] for probed in columns.values()]
            rows.append([aspect, name, *map(score_cell, figures)])
    return rows


def score_cell(figures: list[float]) -> str:
    """Return the mean of the finite figures, its interval, and how many there are."""
    count = int(np.isfinite(figures).sum())
    words = mean(figures, ".3g", num_resamples=NUM_RESAMPLES)
    return f"{words}, n = {count}" if count else words


def proof_table(proofs: dict[str, Proof]) -> Rows:
    """Make a row a broken law: its probe, how often that sees it, and how often it errs."""
    rows = [["broken on purpose", "law", "seen", "same clips, whole: violated"]]
    return rows + [
        [name, proof.probe, violated(proof.broken), violated(proof.clean)]
        for name, proof in proofs.items()
    ]


def violated(findings: list[Finding]) -> str:
    """Return the share violated in %, of those that could be told."""
    told = [finding for finding in findings if finding.holds is not None]
    if not told:
        return f"cannot tell (0 of {len(findings)})"
    words = share(sum(finding.holds is False for finding in told), len(told), unit=" %")
    return f"{words}, told {len(told)} of {len(findings)}"


def clip_table(probed: list[Probed]) -> Rows:
    """Make a row a clip: what each probe says of it, and the first frame that it names."""
    signs = {True: "holds", False: "VIOLATED", None: "?"}
    rows = [["clip", *PROBES]]
    for one in probed:
        cells = []
        for finding in one.physics.values():
            first = f" {finding.frames[0]}" if finding.frames else ""
            cells.append(signs[finding.holds] + first)
        rows.append([one.name, *cells])
    return rows


def untold(probed: list[Probed]) -> list[str]:
    """Return why nothing can be told of a clip, for those whose probes all say the same."""
    reasons = []
    for one in probed:
        notes = {finding.note for finding in one.physics.values()}
        if len(notes) == 1 and all(finding.holds is None for finding in one.physics.values()):
            reasons.append(f"{one.name}: cannot tell: {notes.pop()}")
    return reasons


def report_of(findings: ConsistencyFindings) -> Report:
    """Return the report; of files also what each probe says clip by clip."""
    columns = findings.columns
    parts: list[Table | str] = [
        Table("Physics: share of clips that violate a law", physics_table(columns)),
        Table("Consistency: what must not change", score_table(columns)),
        Table(
            "The proof: clips in which one law is broken", proof_table(findings.proofs), PROOF_NOTE
        ),
    ]
    if FILES in columns:
        clip_by_clip = Table("Clip by clip", clip_table(columns[FILES]))
        parts = [clip_by_clip, *untold(columns[FILES]), *parts]
    return Report(
        "Do things stay what they are?",
        command_line("kinema probe consistency", asdict(findings.probe)),
        NOTE,
        parts,
        findings,
    )
