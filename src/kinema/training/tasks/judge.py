"""Train the judge on true renders of every level, degraded as generated video is."""

import json
import logging
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from rich.progress import track
from torch import Tensor

from kinema.blocks.precision import flushed_denormals
from kinema.fields import Count, Name, Positive, Seed, Weight
from kinema.judges.tabletop.network import FRAMES_PER_SECOND, SIZE, JudgeConfig, JudgeNetwork
from kinema.judges.tabletop.questions import VOCABULARY, mirror, true_answers
from kinema.training.tasks.judge_degradation import degrade
from kinema.worlds import Rendering, tabletop

LOG = logging.getLogger("kinema")
LEVELS = (1, 2, 1, 2, 3, 4)  # those that most prompts are of, twice
NUM_FRAMES = 9  # two seconds
FIRST_SEED = 1_000_000_000  # far from the seeds that anything else is likely to be trained on
LENGTHS = (NUM_FRAMES, NUM_FRAMES, 7, 5)  # drawn per batch: shorter clips are read as well


@dataclass
class Examples:
    """Clips and what is to be said about them."""

    frames: Tensor  # uint8 (n f h w 3), 4 frames a second
    answers: Tensor  # int64 (n q), the place of the true answer in the vocabulary


@dataclass
class JudgeRun:
    """The judge of tabletop clips, which reads attributes from frames."""

    # receives model.safetensors (fp16), config.json and scores.json; an earlier judge there is
    # replaced
    folder: Name = "runs/tabletop-judge"
    num_clips: Count = 12_000  # true renders to learn from, spread evenly over `levels`
    levels: tuple[Count, ...] = LEVELS  # of the world that it learns to read, in turn
    # when training ends at the latest, rendering not counted; the learning rate has then come down
    # all the same
    minutes: Positive = 20.0
    seed: Seed = 0  # of the renders, the degradation and the weights
    num_epochs: Count = 30  # how often each clip is seen, differently degraded each time
    batch_size: Count = 32  # clips a step
    learning_rate: Weight = 2e-3  # at its height
    num_unseen: Count = 400  # renders set aside to measure it

    @flushed_denormals()
    def train(self) -> dict[str, float]:
        """Train and write the judge.

        Returns:
            question -> share of right answers on unseen clean renders.
        """
        torch.manual_seed(self.seed)
        first = FIRST_SEED + self.seed * 1_000_000
        examples = render_examples(self.num_clips, first, "clips to learn from", self.levels)
        network = JudgeNetwork(JudgeConfig(VOCABULARY))
        fit(network, examples, self)
        unseen = render_examples(
            self.num_unseen, FIRST_SEED - self.num_unseen, "unseen clips", self.levels
        )
        scores = accuracy(network, unseen)
        save(network, scores, Path(self.folder))
        for question, share in scores.items():
            LOG.info(f"{question:<18}{100 * share:5.1f} %")
        return scores


def render_examples(
    num_clips: int, first_seed: int, title: str = "clips", levels: tuple[int, ...] = LEVELS
) -> Examples:
    """True renders of all combinations, one level after the other."""
    frames = np.empty((num_clips, NUM_FRAMES, SIZE, SIZE, 3), np.uint8)
    answers = torch.empty(num_clips, len(VOCABULARY), dtype=torch.long)
    for i in track(range(num_clips), f"Rendering {title}"):
        rendering = Rendering(NUM_FRAMES, SIZE, levels[i % len(levels)], "all", FRAMES_PER_SECOND)
        clip = tabletop.render([first_seed + i], rendering)[0]
        truth = true_answers(tabletop.Attributes.from_json(clip.attributes))
        frames[i] = clip.frames
        answers[i] = torch.tensor([VOCABULARY[q].index(truth[q]) for q in VOCABULARY])
    return Examples(torch.from_numpy(frames), answers)


def accuracy(network: JudgeNetwork, examples: Examples, batch_size: int = 32) -> dict[str, float]:
    """Question -> share of right answers."""
    network.eval()
    right = []
    for rows in torch.arange(len(examples.answers)).split(batch_size):
        with torch.inference_mode():
            logits = network(to_float(examples.frames[rows]))
        chosen = torch.stack([logits[question].argmax(-1) for question in VOCABULARY], 1)
        right.append(chosen == examples.answers[rows])
    share = torch.cat(right).float().mean(0).tolist()
    return dict(zip(VOCABULARY, share, strict=True))


def fit(network: JudgeNetwork, examples: Examples, run: JudgeRun) -> None:
    network.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=run.learning_rate, weight_decay=0.02, fused=True
    )
    generator = torch.Generator().manual_seed(run.seed)
    num_steps = run.num_epochs * (len(examples.answers) // run.batch_size)
    start = time.monotonic()
    for step in track(range(num_steps), "Training the judge"):
        # Whichever ends first, the steps or the time, the learning rate reaches zero with it.
        progress = max(step / num_steps, (time.monotonic() - start) / (60 * run.minutes))
        if progress >= 1:
            break
        optimizer.param_groups[0]["lr"] = run.learning_rate * rate_at(progress)
        frames, answers = draw_batch(examples, step, run, generator)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(frames)
        losses = [
            F.cross_entropy(logits[q].float(), answers[:, i]) for i, q in enumerate(VOCABULARY)
        ]
        torch.stack(losses).mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def rate_at(progress: float) -> float:
    """Warm up over 3 % of the way, then fall to zero along a cosine."""
    return min(progress / 0.03, 0.5 + 0.5 * np.cos(np.pi * progress))


def draw_batch(
    examples: Examples, step: int, run: JudgeRun, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Degraded frames (b c f h w) and answers (b q); half of the clips are mirrored."""
    num_clips = len(examples.answers)
    epoch, place = divmod(step, num_clips // run.batch_size)
    order = torch.randperm(num_clips, generator=torch.Generator().manual_seed(run.seed + epoch))
    rows = order[place * run.batch_size :][: run.batch_size]
    length = LENGTHS[int(torch.randint(len(LENGTHS), (), generator=generator))]
    frames, answers = to_float(examples.frames[rows][:, :length]), examples.answers[rows]
    flip = torch.rand(len(rows), generator=generator) < 0.5
    frames = torch.where(flip[:, None, None, None, None], frames.flip(-1), frames)
    answers = torch.where(flip[:, None], mirrored(answers), answers)
    return degrade(frames, generator), answers


def mirrored(answers: Tensor) -> Tensor:
    columns = []
    for i, words in enumerate(VOCABULARY.values()):
        table = torch.tensor([words.index(mirror(word)) for word in words])
        columns.append(table[answers[:, i]])
    return torch.stack(columns, 1)


def to_float(frames: Tensor) -> Tensor:
    return rearrange(frames, "b f h w c -> b c f h w").float() / 127.5 - 1


def save(network: JudgeNetwork, scores: dict[str, float], folder: Path) -> None:
    """Write beside, then rename: an interrupted run leaves no half a judge."""
    beside = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    network.half().save_pretrained(str(beside))
    (beside / "README.md").unlink(missing_ok=True)  # the hub's model card template
    (beside / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    if folder.exists():
        shutil.rmtree(folder)
    beside.rename(folder)
    network.float()
