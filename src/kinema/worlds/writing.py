"""A world as a folder: clips, captions, truth and a contact sheet (`kinema world`)."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from kinema import clips, storage
from kinema.errors import UserError
from kinema.worlds import WORLDS
from kinema.worlds.parallel import render_ahead
from kinema.worlds.world import Rendering, Truth, WorldClip

ON_SHEET = 16  # clips


def write_world(
    name: str,
    folder: str | Path,
    num_clips: int = 16,
    seed: int = 0,
    rendering: Rendering = Rendering(truth=True),
    num_workers: int = 2,
    progress: bool = False,
) -> Path:
    """Render clips of a world into a folder; clip i has the seed `seed + i`.

    Writes `clip_00000.mp4` ..., `metadata.jsonl` with a row {file_name, text, seed, attributes} a
    clip, `truth_00000.npz` ... if asked for, `contact_sheet.png`, and what steered the clips, such
    as `actions_00000.npy` with "actions" in the row; over files of those names.
    `progress` draws a bar on the terminal.

    Raises:
        UserError: for an unknown world or split, numbers out of range, or a folder that cannot be
            written or that another process is writing.
    """
    check_request(name, num_clips, seed, rendering)
    seeds = range(seed, seed + num_clips)
    with storage.locked_folder(folder):
        rendered = render_ahead(WORLDS[name], seeds, rendering, min(num_workers, num_clips - 1))
        console = Console(stderr=True)
        bar = track(
            rendered, "Rendering", num_clips, console=console, transient=True, disable=not progress
        )
        write_clips(name, Path(folder), seeds, bar)
    return Path(folder)


def write_clips(name: str, folder: Path, seeds: range, rendered: Iterable[WorldClip]) -> None:
    """Write the clips of a world, each with its truth, and then what lists and shows them."""
    rows, sheet = [], []
    for index, (own_seed, made) in enumerate(zip(seeds, rendered, strict=True)):
        file_name = f"clip_{index:05d}.mp4"
        clip = write_clip(made, folder / file_name, {"world": name, "seed": own_seed})
        if made.truth is not None:
            write_truth(made.truth, folder / f"truth_{index:05d}.npz")
        row = {"file_name": file_name, "text": made.caption, "seed": own_seed}
        row |= write_controls(made, folder, index)
        rows.append(json.dumps({**row, "attributes": made.attributes}))
        sheet += [clip] if index < ON_SHEET else []
    storage.write_bytes(folder / "metadata.jsonl", ("\n".join(rows) + "\n").encode())
    clips.contact_sheet(sheet, folder / "contact_sheet.png")


def write_controls(made: WorldClip, folder: Path, index: int) -> dict[str, str]:
    """Write what steered a clip as npy files; returns their names by that of the condition."""
    names = {name: f"{name}_{index:05d}.npy" for name in made.controls}
    for name, file_name in names.items():
        with storage.whole_file(folder / file_name) as partial, open(partial, "wb") as file:
            np.save(file, made.controls[name])
    return names


def write_truth(truth: Truth, path: str | Path) -> Path:
    """Write a truth as npz: arrays by name, tracks_* and cameras_*, the events as JSON."""
    arrays = {
        key: getattr(truth, key) for key in ("flow_forward", "flow_backward", "depth", "masks")
    }
    arrays |= {f"tracks_{key}": value for key, value in truth.tracks.items()}
    arrays |= {f"cameras_{key}": value for key, value in truth.cameras.items()}
    known = {key: value for key, value in arrays.items() if value is not None}
    with storage.whole_file(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, events=np.array(json.dumps(truth.events)), **known)
    return Path(path)


def write_clip(made: WorldClip, path: Path, origin: dict) -> clips.Clip:
    metadata = {**origin, "attributes": made.attributes}
    clip = clips.Clip(made.frames, made.fps, made.caption, metadata)
    clips.write(clip, path)
    return clip


def check_request(name: str, num_clips: int, seed: int, rendering: Rendering) -> None:
    if name not in WORLDS:
        raise UserError(f"There is no world named {name!r}: choose one of {', '.join(WORLDS)}.")
    splits, levels = WORLDS[name].SPLITS, WORLDS[name].LEVELS
    if rendering.split not in splits:
        raise UserError(
            f"The world {name} has no split {rendering.split!r}: choose one of {', '.join(splits)}."
        )
    if rendering.level not in levels:
        raise UserError(
            f"The world {name} has the levels {levels[0]} to {levels[-1]}, not {rendering.level}: "
            "choose one of them."
        )
    if num_clips < 1 or rendering.num_frames < 1 or seed < 0:
        raise UserError(
            "A world needs at least one clip, one frame and a seed of 0 or more: "
            f"change -n {num_clips}, --frames {rendering.num_frames} or --seed {seed}."
        )
    if min(rendering.height_width) < 8:
        raise UserError(
            f"Frames of a world have at least 8 pixels a side: change --size {rendering.size}."
        )
