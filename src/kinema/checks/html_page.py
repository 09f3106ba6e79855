"""The HTML report: one self-contained page, no script, no network."""

import base64
from html import escape
from pathlib import Path

import numpy as np

from kinema.checks.clip_report import ClipReport, told
from kinema.checks.report import CheckReport, Pair
from kinema.checks.terminal import (
    SIGNIFICANT,
    because,
    numbers,
    spans,
    vbench_lines,
    verdict_in_words,
)
from kinema.metrics.comparison import Trend
from kinema.metrics.evidence import Score
from kinema.metrics.features.embeddings import EMBEDDING_SCORES
from kinema.metrics.verdicts import FAULTS

STYLE = Path(__file__).with_name("html_page.css").read_text("utf-8")
DEFAULT_CURVES = ("motion", "flicker", "noise", "shake")
WIDTH, HEIGHT = 340, 70
ORDER = ("worse", "cannot tell", "same", "better")  # of the rows of pairs


def write_html(report: CheckReport) -> str:
    """Write the page as text."""
    failed = sum(clip.verdict == "fail" for clip in report.clips)
    pairs = {pair.file: pair for pair in report.pairs}
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>kinema check</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{STYLE}</style><h1>kinema check</h1>",
        f"<p>{failed} of {len(report.clips)} clips show a failure.</p>",
        gates_section(report),
        pairs_section(report),
        trends_section(report.trends),
        set_section(report),
        *(clip_section(clip, pairs.get(clip.file)) for clip in report.clips),
    ]
    return "\n".join(part for part in parts if part)


def verdict_tag(clip: ClipReport, pair: Pair | None) -> str:
    """Write what is thought of a clip, in the same words wherever the page speaks of it.

    A clip that is better than its reference and fails all the same is not green.
    """
    names = ", ".join(failure.name for failure in clip.failures)
    words = f"{clip.verdict}: {names}" if names else clip.verdict
    compared = pair.comparison.verdict if pair is not None else "alone"
    if pair is not None:
        words = f"{words}; {verdict_in_words(compared)} its reference"
    bad = clip.verdict != "pass" or compared == "worse"
    return f"<span class={'fail' if bad else 'pass'}>{escape(words)}</span>"


def clip_section(clip: ClipReport, pair: Pair | None = None) -> str:
    title = f"<h2>{escape(clip.file)} {verdict_tag(clip, pair)}</h2>"
    if clip.verdict == "error":
        return f"{title}<p class=fail>{escape(str(clip.error))}</p>"
    height, width = clip.size
    facts = f"{clip.num_frames} frames of {height} x {width} at {clip.fps:g} fps"
    if clip.error:
        facts += f"; reading broke off: {clip.error}"
    notes = "".join(f"<p>{escape(note)}</p>" for note in clip.notes)
    strip = image_tag(clip.strip, "frames over the clip")
    body = [title, f"<p>{escape(facts)}</p>", notes, strip]
    if pair is not None:
        body.append(f"<p>against {escape(pair.against)}: {escape(because(pair))}</p>")
        body.append(image_tag(pair.strip, "frames over the reference"))
        body.append(f"<p>{numbers(pair.fidelity)}</p>" if pair.fidelity is not None else "")
    body.append(f"<p>{numbers(clip.vbench)}</p>" if clip.vbench else "")
    if clip.failures:
        body.append(failures_table(clip))
    names = [failure.score for failure in clip.failures] or list(DEFAULT_CURVES)
    limits = {rule.metric: rule.alone for fault in FAULTS.values() for rule in fault.rules}
    names += [name for name in EMBEDDING_SCORES if name in clip.scores]
    names = list(dict.fromkeys(names))
    body += [curve_svg(name, clip.scores[name], limits.get(name)) for name in names]
    for moment in clip.moments:
        figures = "".join(
            f"<figure>{image_tag(data, caption)}<figcaption>{caption}</figcaption></figure>"
            for caption, data in moment.pictures
        )
        body.append(f"<h3>{moment.failure}, frame {moment.frame}</h3>{figures}")
    rows = "".join(f"<tr><td>{n}<td>{told(s.value)}" for n, s in clip.scores.items())
    body.append(f"<details><summary>all scores</summary><table>{rows}</table></details>")
    return "\n".join(body)


def failures_table(clip: ClipReport) -> str:
    rows = "".join(
        f"<tr><td class=fail>{failure.name}<td>{failure.confidence:.2f}"
        f"<td>{spans(failure.frames)}<td><span class=rung>{failure.rung}.</span> "
        f"{escape(failure.remedy)}"
        for failure in clip.failures
    )
    return f"<table><tr><th>failure<th>sure<th>frames<th>remedy{rows}</table>"


def pairs_section(report: CheckReport) -> str:
    """Write the table of pairs, each clip above its reference, the worst verdicts first."""
    clips = {clip.file: clip for clip in report.clips}
    pairs = sorted(report.pairs, key=lambda pair: ORDER.index(pair.comparison.verdict))
    rows = "".join(pair_row(clips[pair.file], pair) for pair in pairs)
    missing = "".join(f"<li>{escape(file)}" for file in report.unpaired)
    note = f"<p>Without a counterpart:</p><ul>{missing}</ul>" if missing else ""
    head = "<tr><th>clip, and below it its reference<th>verdict<th>because of"
    table = f"<table>{head}{rows}</table>" if rows else ""
    return f"<h2>Compared</h2>{table}{note}" if rows or note else ""


def pair_row(clip: ClipReport, pair: Pair) -> str:
    pictures = image_tag(clip.strip, "the clip") + "<br>" + image_tag(pair.strip, "the reference")
    return (
        f"<tr><td class=pair>{pictures}<br>{escape(pair.file)}<br>{escape(pair.against)}"
        f"<td>{verdict_tag(clip, pair)}<td>{escape(because(pair))}"
    )


def trends_section(trends: list[Trend]) -> str:
    """Write the tests over all pairs; those that show nothing are folded."""
    shown = [trend for trend in trends if trend.p_value < SIGNIFICANT]
    rest = [trend for trend in trends if trend.p_value >= SIGNIFICANT]
    title = "<h3>Over all pairs (log2 ratio or difference; above 0 is worse)</h3>"
    found = trends_table(shown) if shown else "<p>No score differs.</p>"
    folded = f"<details><summary>{len(rest)} scores that do not differ</summary>"
    folded = f"{folded}{trends_table(rest)}</details>" if rest else ""
    return f"{title}{found}{folded}" if trends else ""


def trends_table(trends: list[Trend]) -> str:
    rows = "".join(
        f"<tr><td>{trend.metric}<td>{trend.mean:+.3f}<td>{trend.interval[0]:+.3f} to "
        f"{trend.interval[1]:+.3f}<td>{trend.p_value:.4f}<td>{trend.detectable:.3f}"
        for trend in sorted(trends, key=lambda trend: trend.p_value)
    )
    return f"<table><tr><th>score<th>change<th>95 %<th>p<th>could have seen{rows}</table>"


def set_section(report: CheckReport) -> str:
    """Write each score's mean over the set beside that of real clips, folded."""
    rows = "".join(
        f"<tr><td>{row.score}<td>{row.mean:.4g}<td>{row.interval[0]:.4g} to {row.interval[1]:.4g}"
        f"<td>{'-' if row.floor is None else f'{row.floor:.4g}'}<td>{row.num_clips}"
        for row in report.rows
    )
    head = "<tr><th>score<th>mean<th>95 %<th>of real clips<th>n"
    table = (
        f"<details><summary>all scores over the set</summary><table>{head}{rows}</table></details>"
    )
    vbench = "".join(f"<p>{escape(line)}</p>" for line in vbench_lines(report))
    return (table if rows else "") + vbench


def gates_section(report: CheckReport) -> str:
    failed = [gate for gate in report.gates if not gate.passed]
    if not report.gates:
        return ""
    rows = "".join(
        f"<tr><td class=fail>{escape(gate.condition)}<td>{escape(gate.file)}"
        f"<td>{escape(gate.found)}"
        for gate in failed
    )
    return f"<p>{len(failed)} of {len(report.gates)} gates failed.</p><table>{rows}</table>"


def curve_svg(name: str, score: Score, limit: float | None) -> str:
    """Draw a curve over the frames, with its threshold dashed; gaps where it is not defined."""
    curve = thin_out(score.curve)
    known = curve[np.isfinite(curve)]
    if not len(known):
        return ""
    top = max(float(known.max()), limit or 0.0, 1e-6) * 1.1
    bottom = min(float(known.min()), 0.0) * 1.1
    x = np.linspace(4, WIDTH - 4, max(len(curve), 2))[: len(curve)]
    y = HEIGHT - 4 - (curve - bottom) / (top - bottom) * (HEIGHT - 22)
    steps, pen_down = [], False
    for px, py in zip(x, y, strict=True):
        if np.isfinite(py):
            steps.append(f"{'L' if pen_down else 'M'}{px:.1f} {py:.1f}")
        pen_down = bool(np.isfinite(py))
    dashed = ""
    if limit is not None:
        level = HEIGHT - 4 - (limit - bottom) / (top - bottom) * (HEIGHT - 22)
        dashed = f"<path d='M4 {level:.1f}H{WIDTH - 4}' stroke='#a30000' stroke-dasharray='4 3'/>"
    label = f"{name} {told(score.value)}"
    return (
        f"<svg width={WIDTH} height={HEIGHT} role=img aria-label='{label}'>"
        f"<text x=6 y=13 font-size=12 fill=currentColor>{label}</text>{dashed}"
        f"<path d='{' '.join(steps)}' fill=none stroke=currentColor stroke-width=1.5 />"
        "</svg>"
    )


def thin_out(curve: np.ndarray, most: int = 680) -> np.ndarray:
    """Keep at most two values a pixel: the largest of each stretch."""
    if len(curve) <= most:
        return curve
    edges = np.linspace(0, len(curve), most + 1).astype(int)
    filled = np.nan_to_num(curve, nan=-np.inf)
    peaks = np.maximum.reduceat(filled, edges[:-1])
    return np.where(np.isfinite(peaks), peaks, np.nan)


def image_tag(data: bytes, alt: str) -> str:
    if not data:
        return ""
    return f"<img alt='{alt}' src='data:image/jpeg;base64,{base64.b64encode(data).decode()}'>"
