"""What the probe of drift found: figures early and at the end, and their curves as a plot."""

import numpy as np

from kinema.metrics.intervals import mean_interval
from kinema.probes.drift.probe import FROZEN, TRUE, DriftFindings
from kinema.probes.drift.worlds import WORLDS
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.pictures import new_figure, plot_png
from kinema.reports.words import mean

OPTIONS = ("models", "strategies", "num_frames", "num_clips", "world", "num_steps")
LINES = ("solid", "dashed", "dashdot", "dotted")
EARLY = 64  # the frame that the end is compared with
TITLES = {
    "identity": "identity error (palette, 0-1)",
    "velocity error": "velocity error (pixels/frame)",
    "motion": "motion of the fastest 5 % (pixels/frame)",
    "color": "color shift (CIELAB)",
    "sharpness": "sharpness against the opening (log2)",
}
NOTE = """
{clips} scenes of the world `{world}`. Each video begins with {given} true frames and is measured in
segments of {length} frames, with 95 % intervals over the scenes. *True continuation* is the same
scene rendered on, the floor of every figure. *Frozen* holds the last given frame; it wins every
figure but those of motion.

{world_note}
""".strip()
GROWTH_NOTE = "Both are ratios of means over the scenes."
JOINS_NOTE = """
Mean absolute difference of neighboring frames in gray levels, from the first join on: at the joins,
where other latent frames meet, and anywhere else. The ratio divides the first by the second.
""".strip()


def titles(findings: DriftFindings) -> dict[str, str]:
    """Return figure -> what it is called: those of any video, then those of the world."""
    return TITLES | WORLDS[findings.probe.world][0].titles


def curve(findings: DriftFindings, column: str, figure: str) -> np.ndarray:
    """Return a figure of a column, (clips, places)."""
    if figure == "velocity error":
        velocity = np.array([c["velocity"] for c in findings.curves[column]])
        true = np.array([c["velocity"] for c in findings.curves[TRUE]])
        return np.linalg.norm(velocity - true, axis=-1)
    return np.array([c[figure] for c in findings.curves[column]], dtype=float)


def early_place(findings: DriftFindings) -> int:
    """Return which of the places is nearest to frame 64."""
    return int(np.argmin(np.abs(np.array(findings.places) - EARLY)))


def drift_table(findings: DriftFindings) -> Rows:
    """Make a row a column: its figures at frame 64 and at the end, with 95 % intervals."""
    moments = dict.fromkeys((early_place(findings), len(findings.places) - 1))
    rows = [["", *(f"{name} @{findings.places[k]}" for name in titles(findings) for k in moments)]]
    for column in findings.curves:
        curves = [curve(findings, column, figure) for figure in titles(findings)]
        rows.append([column, *(mean(values[:, k]) for values in curves for k in moments)])
    return rows


def growth_table(findings: DriftFindings) -> Rows:
    """Make a row a column: identity error at the end over that at frame 64, motion over true."""
    early, true = early_place(findings), curve(findings, TRUE, "motion").mean()
    rows = [["", "identity, end / 64", "motion / true, all places", "n"]]
    for column, clips in findings.curves.items():
        identity = curve(findings, column, "identity").mean(0)
        growth = identity[-1] / identity[early] if identity[early] > 0 else float("nan")
        motion = curve(findings, column, "motion").mean() / true if true > 0 else float("nan")
        rows.append([column, f"{growth:.2f}", f"{motion:.2f}", str(len(clips))])
    return rows


def joins_table(findings: DriftFindings) -> Rows:
    """Make a row a column: the jump at the joins against inside, gray levels."""
    figures = ("at", "latents", "inside", "ratio")
    header = ["at the joins", "other latent frames", "all other pairs", "ratio", "joins a clip"]
    rows = [["", *header]]
    for column, joins in findings.joins.items():
        if not any(one.count for one in joins):
            rows.append([column, *"----", "0"])
            continue
        cells = [mean([getattr(one, figure) for one in joins]) for figure in figures]
        rows.append([column, *cells, f"{np.mean([one.count for one in joins]):.0f}"])
    return rows


def report_of(findings: DriftFindings) -> Report:
    """Return the report: a plot of all figures, and the tables of drift, growth and joins."""
    probe = findings.probe
    note = NOTE.format(
        clips=probe.num_clips, world=probe.world, given=probe.num_given, length=findings.length,
        world_note=WORLDS[probe.world][0].note,
    )  # fmt: skip
    return Report(
        f"Drift: what is left after {probe.num_frames} frames",
        command_line("kinema probe drift", {name: getattr(probe, name) for name in OPTIONS}),
        note,
        [
            Picture("the figures against the frame index", lambda: draw(findings)),
            Table("Drift", drift_table(findings)),
            Table("Growth", growth_table(findings), GROWTH_NOTE),
            Table("Joins", joins_table(findings), JOINS_NOTE),
        ],
        findings,
    )


def draw(findings: DriftFindings) -> bytes:
    """Draw a panel a figure, a line a column, shaded by its 95 % interval; returns a PNG.

    A strategy has a color, and a model a kind of line.
    """
    named = titles(findings)
    columns = (len(named) + 1) // 2
    figure = new_figure(4.3 * columns, 8)
    panels = figure.subplots(2, columns).flatten()
    middle = np.array(findings.places) + findings.length / 2
    for panel, (name, title) in zip(panels, named.items(), strict=True):
        for column, (color, line) in styles(list(findings.curves)).items():
            values = np.ma.masked_invalid(curve(findings, column, name))
            low, high = np.array([mean_interval(place.compressed()) for place in values.T]).T
            average = values.mean(0)
            panel.plot(middle, average, label=column, color=color, linestyle=line)
            panel.fill_between(middle, low, high, alpha=0.1, linewidth=0, color=color)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("frame")
        panel.set_ylim(bottom=None if name == "sharpness" else 0)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=columns, fontsize=8)
    return plot_png(figure)


def styles(columns: list[str]) -> dict[str, tuple[str, str]]:
    """Return column -> color and line: black is the truth, dotted gray what stands still."""
    parts = {column: column.rpartition(", ")[::2] for column in columns if ", " in column}
    models, strategies = (list(dict.fromkeys(names)) for names in zip(*parts.values(), strict=True))
    made = {
        column: (f"C{strategies.index(strategy)}", LINES[models.index(model) % len(LINES)])
        for column, (model, strategy) in parts.items()
    }
    return {TRUE: ("black", "solid"), FROZEN: ("gray", "dotted"), **made}
