"""The files whose functions run from a prompt to a video, in the order in which they first run.

python benchmarks/walk.py            # of `kinema generate "a red ball rolls" --num-steps 1 ...`
python benchmarks/walk.py --long sliding

Counted are the files of kinema in which a function runs, and how often the program passes from one
room to another. Code that runs once when a module is imported is not counted.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

PROMPT = "a red ball rolls to the right behind a blue cube"


class Walk:
    """A profiler that notes where the functions of kinema run.

    Attributes:
        files: how many functions ran in each file, in the order of the first.
        moves: how often a function called one of another room.
    """

    def __init__(self, root: Path) -> None:
        self.root = f"{root}/"
        self.files: dict[str, int] = {}
        self.moves = 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """See a call or a return; to be given to `sys.setprofile`."""
        if event != "call" or not self.is_ours(frame) or asked_by_import(frame):
            return
        callers = [frame for frame in stack(frame.f_back) if self.is_ours(frame)]
        if any(caller.f_code.co_name == "<module>" for caller in [frame, *callers]):
            return  # a module is being imported
        file = self.file_of(frame)
        self.files[file] = self.files.get(file, 0) + 1
        if callers:
            self.moves += room(file) != room(self.file_of(callers[0]))

    def is_ours(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(self.root)

    def file_of(self, frame: FrameType) -> str:
        return frame.f_code.co_filename.removeprefix(self.root)


def asked_by_import(frame: FrameType) -> bool:
    """Whether the import system runs a function, as it asks `kinema.renamed` for every module."""
    return frame.f_back is not None and "importlib" in frame.f_back.f_code.co_filename


def stack(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and all from which it was called."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def room(file: str) -> str:
    """The room of a file: its folder, or the file itself."""
    return file.split("/")[0]


def main(options: list[str]) -> None:
    import kinema
    from kinema import cli

    walk = Walk(Path(kinema.__file__).parent)
    with tempfile.TemporaryDirectory() as folder:
        words = ["generate", PROMPT, "--num-steps", "1", "--num-frames", "5", *options]
        sys.setprofile(walk)
        status = cli.main([*words, "-o", str(Path(folder, "walk.mp4"))])
        sys.setprofile(None)
    for number, (file, count) in enumerate(walk.files.items(), 1):
        print(f"{number:3} {file:44} {count:6} calls")
    print(f"{len(walk.files)} files, {walk.moves} calls from one room to another")
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
