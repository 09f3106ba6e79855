"""Load the judge and let it read clips."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.errors import UserError
from kinema.judges.tabletop.network import JudgeNetwork, prepare
from kinema.judges.tabletop.questions import VOCABULARY
from kinema.models import SHIPPED as MODELS

SHIPPED = MODELS / "judge"


def load(folder: str | Path = SHIPPED) -> JudgeNetwork:
    """Load the judge that ships, or one that `train` wrote.

    Raises:
        UserError: if the folder holds no judge, or one for other questions.
    """
    if not (Path(folder) / "model.safetensors").is_file():
        raise UserError(f"No judge in {folder}: train one with `kinema train tabletop-judge`.")
    network = JudgeNetwork.from_pretrained(str(folder)).eval()
    if network.config.vocabulary != VOCABULARY:
        raise UserError(f"The judge in {folder} knows another world: train it anew.")
    return network


def read(
    network: JudgeNetwork, clips: Iterable[np.ndarray], fps: float = 16.0, batch_size: int = 16
) -> list[dict[str, str]]:
    """Answer every question about every clip, uint8 (f h w 3) of any size, from its frames alone.

    The judge looks at 4 frames a second, at `batch_size` clips of equal length at once.

    Returns:
        One dict per clip, question -> answer.
    """
    verdicts = []
    for batch in batches([prepare(frames, fps) for frames in clips], batch_size):
        with torch.inference_mode():
            logits = network(torch.stack(list(batch)))
        chosen = {question: scores.argmax(-1).tolist() for question, scores in logits.items()}
        for row in range(len(batch)):
            verdicts.append({q: network.config.vocabulary[q][chosen[q][row]] for q in chosen})
    return verdicts


def batches(inputs: Sequence[Tensor], batch_size: int) -> Iterator[Sequence[Tensor]]:
    """Group neighboring clips of equal length, at most `batch_size` of them."""
    start = 0
    for i in range(1, len(inputs) + 1):
        if i == len(inputs) or i - start == batch_size or inputs[i].shape != inputs[start].shape:
            yield inputs[start:i]
            start = i
