import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema.clips import Clip, write
from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.errors import UserError
from kinema.training.sources import (
    ClipsWithFlow,
    CodecLatents,
    DiscClips,
    FolderClips,
    WorldClips,
)
from kinema.worlds import discs

SMALL = WorldClips(levels=(1, 2), num_frames=5, size=16, num_clips=64)


def test_a_clip_of_a_world_depends_on_its_index_alone():
    together, captions = SMALL.make([0, 1, 2, 3])
    alone, caption = SMALL.make([2])
    assert together["frames"].shape == (4, 5, 16, 16, 3)
    assert torch.equal(together["frames"][2], alone["frames"][0])
    assert captions[2] == caption[0]


def test_names_tell_different_clips_apart():
    assert SMALL.name == WorldClips((1, 2), num_frames=5, size=16, num_clips=9).name
    assert SMALL.name != WorldClips((1, 2), num_frames=5, size=16, seed=1).name
    assert SMALL.name != WorldClips((1, 2), num_frames=5, size=16, split="held_out").name


def test_every_caption_is_made_of_the_words_of_the_corpus():
    words = {word for text in SMALL.corpus() for word in text.replace(",", " ").split()}
    _, captions = SMALL.make(list(range(16)))
    said = {word for text in captions for word in text.replace(",", " ").split()}
    assert said <= words


@pytest.mark.parametrize("clips", [WorldClips((1,)), DiscClips("collision")])
def test_the_motion_of_a_world_is_exact(clips):
    source = ClipsWithFlow(replace(clips, num_frames=4, size=32))
    tensors, captions = source.make([3, 4])
    frames, flow, seen = (tensors[name] for name in ("frames", "flow", "seen"))
    assert flow.shape == (2, 3, 32, 32, 2) and seen.shape == (2, 3, 32, 32)
    plain = source.clips.make([3, 4])
    assert torch.equal(frames, plain[0]["frames"]) and captions == plain[1]
    still = flow.float().norm(dim=-1) < 0.01
    change = (frames[:, 1:].float() - frames[:, :-1].float()).abs().mean(-1)
    assert 0.2 < still.float().mean() < 1 and seen.float().mean() > 0.5
    assert change[still & seen].mean() < 0.5 * change.mean()
    assert source.name != source.clips.name and source.num_clips == source.clips.num_clips


def folder_of(tmp_path, count: int) -> str:
    rows = []
    for i in range(count):
        write(Clip(np.full((6, 16, 16, 3), 10 * i, np.uint8), fps=8.0), tmp_path / f"{i}.mp4")
        rows.append({"file_name": f"{i}.mp4", "text": f"clip {i}"})
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(tmp_path)


def test_parts_of_a_folder_share_no_file_and_leave_none_out(tmp_path):
    folder = folder_of(tmp_path, 4)
    parts = {p: FolderClips(folder, 5, 16, part=p) for p in ("all", "train", "held_out")}
    texts = {p: set(source.corpus()) for p, source in parts.items()}
    assert len(texts["held_out"]) == 1 and not texts["train"] & texts["held_out"]
    assert texts["train"] | texts["held_out"] == texts["all"]
    assert len({source.name for source in parts.values()}) == 3


def test_a_corrected_caption_makes_other_shards(tmp_path):
    before = FolderClips(folder_of(tmp_path, 2), 5, 16).name
    assert FolderClips(str(tmp_path), 5, 16).name == before
    metadata = tmp_path / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("clip 1", "a red ball"))
    assert FolderClips(str(tmp_path), 5, 16).name != before


def test_the_motion_of_files_is_estimated(tmp_path):
    tensors, _ = ClipsWithFlow(FolderClips(folder_of(tmp_path, 1), 5, 16)).make([0])
    assert tensors["flow"].shape == (1, 4, 16, 16, 2) and tensors["seen"].dtype == torch.bool


def test_parts_that_there_are_not_are_refused(tmp_path):
    with pytest.raises(UserError, match="choose one of all, held_out, train"):
        FolderClips(part="half")
    with pytest.raises(UserError, match="no part can be held out"):
        FolderClips(folder_of(tmp_path, 1), 5, 16, part="train").corpus()


def test_a_folder_is_cut_again_in_every_round(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(2):
        frames = rng.integers(0, 255, (12, 24, 24, 3), np.uint8)
        write(Clip(frames, fps=8.0), tmp_path / f"{i}.mp4")
        rows.append({"file_name": f"{i}.mp4", "text": f"clip {i}"})
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = FolderClips(str(tmp_path), num_frames=5, size=16)
    tensors, captions = source.make([0, 1, 2, 4])
    assert captions == ["clip 0", "clip 1", "clip 0", "clip 0"]
    assert tensors["frames"].shape == (4, 5, 16, 16, 3)
    assert not torch.equal(tensors["frames"][0], tensors["frames"][2])
    assert sorted(source.corpus()) == ["clip 0", "clip 1"]


def test_latents_are_the_codecs_and_the_image_is_a_frame_of_the_clip(tmp_path):
    torch.manual_seed(0)
    codec = CausalVAE(CausalVAEConfig(channels=4, widths=(16, 16), encoder_depth=(1, 1),
                                      decoder_depth=(1, 1)))  # fmt: skip
    codec.save_pretrained(tmp_path / "codec")
    source = CodecLatents(SMALL, str(tmp_path / "codec"), batch_size=2)
    tensors, _ = source.make([0, 1, 2])
    assert tensors["latents"].shape == (3, *codec.latent_shape(5, 16, 16))
    assert tensors["image"].shape == (3, *codec.latent_shape(1, 16, 16))
    frames = SMALL.make([1])[0]["frames"].numpy()
    stills = torch.from_numpy(frames).permute(1, 4, 0, 2, 3).float() / 127.5 - 1  # f c 1 h w
    with torch.no_grad():
        possible = codec.encode(stills)
    distance = (possible - tensors["image"][1].float()).abs().flatten(1).max(dim=1).values
    assert distance.min() < 0.01


def test_the_corpus_of_discs_holds_every_caption():
    assert DiscClips("box").corpus() == ["a red disc bounces off the walls of a box"]
    corpus, (_, captions) = DiscClips("curtain").corpus(), DiscClips("curtain").make([5, 6, 7])
    assert len(corpus) == 2 * len(discs.PALETTE) and set(captions) <= set(corpus)
