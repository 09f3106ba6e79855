import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import kinema
from kinema.cli import main
from kinema.clips import Clip, inspect, stream, write
from kinema.codecs import CausalVAE
from kinema.errors import Notice, UserError
from kinema.metrics.features.lpips import alexnet
from kinema.recipes import codec, image_to_video, text_to_video
from kinema.training.sources import never_trained_on

SMALL = ["--codec.widths", "[8,8]", "--codec.encoder_depth", "[0,0]", "--codec.decoder_depth",
         "[0,0]", "--adversarial.dim", "8", "--adversarial.depth", "1"]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Three files of a drifting wave, and the list of them."""
    rows = []
    for number in range(3):
        t, y, x = np.meshgrid(np.arange(12), np.arange(24), np.arange(32), indexing="ij")
        wave = 128 + 90 * np.sin((x + t + 5 * number) / 4 + y / 7)
        frames = np.stack([wave, wave[:, ::-1], 255 - wave], axis=-1).astype(np.uint8)
        write(Clip(frames, fps=8.0), tmp_path / f"{number}.mp4")
        rows.append({"file_name": f"{number}.mp4", "text": "a wave"})
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_what_is_held_out_is_what_the_folder_leaves_out(folder):
    run = codec()
    run.data = replace(run.data, folder=str(folder), num_frames=9, size=16)
    unseen = never_trained_on(run.data, run.held_out)
    trained = {item.name for item in run.data.clips.items}
    assert not trained & {item.name for item in unseen.clips.items}
    assert (unseen.folder, unseen.size, unseen.num_frames) == (str(folder), 16, 9)
    run.data.part = "all"
    with pytest.raises(UserError, match="No clips are held out"):
        never_trained_on(run.data, run.held_out)


def test_a_folder_trains_a_codec_from_the_command_line(folder, capsys):
    options = ["--folder", f"{folder}/run", "--cache", f"{folder}/cache", "--workers", "0"]
    options += ["--loop.num_samples", "16", "--loop.log_every", "1", "--adversarial.start", "4"]
    options += ["--data.folder", str(folder), "--data.num_frames", "9", "--data.size", "16"]
    options += ["--data.num_clips", "8", "--held_out.num_clips", "4"]
    assert main(["train", "codec", *options, *SMALL]) == 0
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    named = set().union(*lines)
    of_the_codec = {"pixels", "outlines", "motion", "flow", "perceptual", "kl", "equivariance"}
    of_the_game = {"deception_spatial", "discriminator_temporal", "balance_temporal"}
    assert of_the_codec | of_the_game | {"held_out_loss_final"} <= named
    assert CausalVAE.from_pretrained(folder / "run" / "final").channels == 16


@pytest.fixture
def lpips_files(tmp_path, fill_weights):
    """Random weights of the real AlexNet and of its heads, in the published layouts."""
    trunk = alexnet()
    with torch.no_grad():
        tensors = fill_weights(torch.nn.ModuleDict({"features": trunk.layers})).state_dict()
    torch.save(tensors, tmp_path / "alexnet.pth")
    heads = {f"lin{i}.model.1.weight": torch.ones(1, n, 1, 1) for i, n in enumerate(trunk.widths)}
    torch.save(heads, tmp_path / "alex.pth")
    return ["--lpips.trunk", f"{tmp_path}/alexnet.pth", "--lpips.heads", f"{tmp_path}/alex.pth"]


def test_lpips_takes_part_in_training_from_the_command_line(folder, lpips_files):
    def trained(name, options):
        options = [*options, "--folder", f"{folder}/{name}", "--cache", f"{folder}/cache"]
        options += ["--data.folder", str(folder), "--data.num_frames", "1", "--data.size", "32"]
        options += ["--data.num_clips", "4", "--held_out.num_clips", "4", "--sizes", "[1.0]"]
        options += ["--workers", "0", "--weights.flow", "0", "--adversarial.spatial", "0"]
        options += ["--adversarial.temporal", "0", "--loop.num_samples", "4"]
        assert main(["train", "codec", *options, "--loop.log_every", "1", *SMALL]) == 0
        lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").open()]
        return next(line["perceptual"] for line in lines if "perceptual" in line)

    with_network, without = trained("a", lpips_files), trained("b", [])
    assert with_network > 0 and with_network != without


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--lpips.heads", ""], "--lpips.trunk names a file and --lpips.heads none"),
        (["--lpips.trunk", "none.pth"], "none.pth: this file does not exist"),
        (["--weights.perceptual", "0"], "--weights.perceptual is 0"),
        (["--data.size", "48"], "at least 31 pixels a side, and this run cuts clips of 24"),
    ],
)
def test_lpips_that_cannot_be_is_one_sentence(folder, lpips_files, capsys, changes, said):
    options = ["--data.folder", str(folder), "--workers", "0", "--folder", f"{folder}/run"]
    assert main(["train", "codec", *options, *lpips_files, *changes, *SMALL]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (folder / "run").exists()


def test_a_folder_of_one_file_has_nothing_to_hold_out(folder, capsys):
    (folder / "metadata.jsonl").write_text('{"file_name": "0.mp4", "text": ""}\n')
    options = ["--data.folder", str(folder), "--held_out.folder", str(folder), "--data.num_frames",
               "9", "--folder", str(folder / "run"), "--workers", "0"]  # fmt: skip
    assert main(["train", "codec", *options, *SMALL]) == 2
    assert "no part can be held out" in " ".join(capsys.readouterr().err.split())
    assert not (folder / "run").exists()


TINY = ["--denoiser.dim", "32", "--denoiser.depth", "1", "--denoiser.num_heads", "2",
        "--text.dim", "32", "--text.depth", "1", "--defaults.num_steps", "2",
        "--loop.num_samples", "8", "--loop.batch_size", "4", "--loop.log_every", "1",
        "--loop.validate_every", "4", "--held_out.num_clips", "4",
        "--workers", "0", "--loop.precision", "fp32"]  # fmt: skip


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """Twelve files, wider than high, of a wave that drifts, with a caption each."""
    folder, rows = tmp_path_factory.mktemp("twelve"), []
    for number in range(12):
        t, y, x = np.meshgrid(np.arange(14), np.arange(40), np.arange(64), indexing="ij")
        wave = 128 + 90 * np.sin((x + t * (1 + number % 3)) / 5 + y / 9 + number)
        frames = np.stack([wave, wave[:, ::-1], 255 - wave], axis=-1).astype(np.uint8)
        write(Clip(frames, fps=10.0), folder / f"{number}.mp4")
        rows.append({"file_name": f"{number}.mp4", "text": f"a wave of kind {number}"})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.mark.parametrize("recipe", ["text-to-video", "image-to-video"])
def test_from_twelve_clips_to_a_verdict(twelve, tmp_path, capsys, recipe):
    """Train, generate from what was trained, and check it: the way of docs/training.md."""
    options = ["--data.folder", str(twelve), "--data.num_frames", "5", "--data.size", "32"]
    options += ["--folder", f"{tmp_path}/run", "--cache", f"{tmp_path}/cache"]
    assert main(["train", recipe, *options, *TINY]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "11 clip files. So few are learned by heart" in said
    assert "The codec tabletop keeps the clips at" in said

    pipeline = kinema.load(tmp_path / "run" / "final")
    system = pipeline.system
    assert (system.num_frames, system.size, system.fps) == (5, (32, 48), 10.0)
    assert pipeline.text.unknown_words("a wave of kind 3") == []
    assert len(list((tmp_path / "run" / "samples").glob("*.png"))) == 2

    made = tmp_path / "made.mp4"
    first = ["--image", f"{tmp_path}/first.png"] if recipe == "image-to-video" else []
    Image.fromarray(next(stream(twelve / "3.mp4"))).save(tmp_path / "first.png")
    asked = ["a wave of kind 3", "--model", f"{tmp_path}/run/final", "-o", str(made)]
    assert main(["generate", *asked, *first]) == 0
    assert main(["check", str(made), "--json", f"{tmp_path}/check.json"]) == 0
    assert "made.mp4" in (tmp_path / "check.json").read_text()
    info = inspect(made)
    assert (info.num_frames, info.height, info.width, info.fps) == (5, 32, 48, 10.0)


def test_as_many_clips_are_encoded_as_the_files_hold(twelve):
    run = text_to_video()
    run.data = replace(run.data, folder=str(twelve), num_frames=7, size=32)
    task = run.task()
    assert len(task.data.clips) == 22 and len(task.data.unseen) == 64  # 11 files of 14 frames
    trained, unseen = (
        {item.name for item in shards.source.frames.clips.items}
        for shards in (task.data.clips, task.data.unseen)
    )
    assert len(trained) == 11 and len(unseen) == 1 and not trained & unseen
    prompts = task.preview.prompts
    assert prompts[0] == "a wave of kind 1" and len(set(prompts)) == 4  # the first is held out


@pytest.mark.filterwarnings("ignore:This model has never seen", "ignore:The video cuts away")
def test_animated_samples_begin_with_the_first_frames_of_held_out_clips(twelve):
    run = image_to_video()
    run.data = replace(run.data, folder=str(twelve), num_frames=5, size=32)
    run.denoiser = replace(run.denoiser, dim=32, depth=1, num_heads=2)
    task = run.task()
    clips, labels = task.preview.sheet(task.pipeline())
    assert len(clips) == len(labels) == len(task.preview.images) == 4
    for clip, image in zip(clips, task.preview.images, strict=True):
        assert np.abs(clip[0].astype(int) - image).mean() < 25  # but for the codec's blur


def test_a_pretrained_text_encoder_stays_as_it_is(twelve, tmp_path):
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    config = transformers.CLIPTextConfig(
        vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=8, bos_token_id=None, eos_token_id=2,
    )  # fmt: skip
    transformers.CLIPTextModel(config).save_pretrained(tmp_path / "text")
    words = {w: i for i, w in enumerate(["<pad>", "<unk>", "</s>", "a", "wave", "of", "kind"])}
    tokenizer = Tokenizer(models.WordLevel(words, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", None, [("</s>", 2)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", model_max_length=8
    )
    tokenizer.save_pretrained(tmp_path / "text")
    run = text_to_video()
    run.data = replace(run.data, folder=str(twelve), num_frames=5, size=32)
    run.text_encoder, run.folder, run.cache = (str(tmp_path / n) for n in ("text", "run", "cache"))
    run.denoiser = replace(run.denoiser, dim=32, depth=1, num_heads=2)
    run.loop = replace(run.loop, num_samples=8, batch_size=4, validate_every=8, precision="fp32")
    run.prompts, run.workers = ("a wave",), 0
    run.held_out = replace(run.held_out, num_clips=4)
    before = transformers.CLIPTextModel.from_pretrained(tmp_path / "text").state_dict()
    with pytest.warns(Notice, match="The codec tabletop blurs these clips"):
        state = run.train()
    assert not any(name.startswith("network.text") for name in state.tensors())
    after = kinema.load(tmp_path / "run" / "final").text.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path, capsys):
    options = ["--data.folder", f"{tmp_path}/none", "--folder", f"{tmp_path}/run"]
    assert main(["train", "text-to-video", *options]) == 2
    assert "none is not a folder" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
