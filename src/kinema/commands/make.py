"""Commands that make videos: `kinema generate`, `kinema world`."""

import re
import time
from pathlib import Path
from typing import Any

from kinema.commands.parser import Parser, announce, device_named, size
from kinema.errors import UserError
from kinema.fields import Count, Positive, Seed, Share

PROMPT = "a red ball rolls to the right behind a blue cube"

GENERATE_EXAMPLES = f"""\
kinema generate "{PROMPT}" -o ball.mp4
kinema generate "a green cone spins" --image first.png --num-frames 49
kinema generate "the ball bounces" --continue-from ball.mp4 -o longer.mp4
kinema generate "a blue ball rolls" --video ball.mp4 --strength 0.6 -o blue.mp4
kinema generate "a cat walks" --model Wan-AI/Wan2.1-T2V-1.3B-Diffusers --dtype bf16
kinema generate "0: a red ball rolls; 120: a blue cube spins" --long sliding --num-frames 1000"""


def generate(argv: list[str]) -> None:
    """a video from a prompt, a first frame, or a clip to go on from"""
    options = generate_parser().parse_args(argv)
    announce(argv, f"Loading the model {options.model}.")
    from kinema import clips
    from kinema.storage import locked_file
    from kinema.video.official import load_any

    name = options.output or f"{slug(options.prompt)}-{options.seed}.mp4"
    output = clips.check_stream_target(name) if options.long else clips.check_target(name)
    began = time.monotonic()
    if options.overlap_noise is not None and not options.long:
        raise UserError("--overlap-noise is of long videos: name a strategy with --long.")
    if options.strength is not None and not options.video:
        raise UserError("--strength is of a video to make anew: name it with --video.")
    device = device_named(options.device)
    pipe = load_any(options.model, options.precision, options.dtype, options.lora or ()).to(device)
    given = {name: value for name, value in vars(options).items() if value is not None}
    for name in ("prompt", "model", "output", "device", "precision", "dtype", "lora", "long"):
        given.pop(name, None)
    if options.long:
        return generate_long(pipe, options.prompt, options.long, output, given)
    with locked_file(output):
        made = pipe(options.prompt, progress=True, **given)
        files = made.save(output)
    n, f, h, w, _ = made.frames.shape
    seconds = time.monotonic() - began
    print(f"{n} x {f} frames of {h}x{w} at {made.fps:g} fps, seed {made.seed}, {seconds:.1f} s")
    print(*files, sep="\n")


def generate_long(
    pipe: Any, prompt: str, strategy: str, output: Path, given: dict[str, Any]
) -> None:
    """A video of any length, written as it is made; killed, the same command goes on."""
    from kinema import video

    began = time.monotonic()
    chosen = video.strategy_named(strategy, pipe, given.pop("overlap_noise", 0.0))
    made = video.generate_long(pipe, prompt, chosen, output, **given)
    seconds = time.monotonic() - began
    print(f"{made.num_frames} frames by {chosen}, seed {given['seed']}, {seconds:.1f} s")
    print(made.path)


def generate_parser() -> Parser:
    parser = Parser("kinema generate", str(generate.__doc__), GENERATE_EXAMPLES)
    parser.add_argument(
        "prompt", metavar="PROMPT", nargs="?", type=str, default="",
        help="what the video shows; left out for a model without text",
    )  # fmt: skip
    video = parser.add_argument_group("Video (default: as the model was trained)")
    video.add_argument("--num-frames", type=Count, metavar="N", help="frames to make")
    video.add_argument("--size", type=size, metavar="HxW", help="height and width, or one side")
    video.add_argument("--fps", type=Positive, metavar="F", help="frames per second of the file")
    start = parser.add_argument_group("Start from")
    start.add_argument("--image", metavar="FILE", help="a picture: the first frame")
    start.add_argument("--continue-from", metavar="CLIP", help="a video to go on from")
    start.add_argument("--video", metavar="CLIP", help="a video to make anew")
    start.add_argument(
        "--strength", type=float, metavar="X", help="how much of --video to change, 0 to 1; 0.6"
    )
    long = parser.add_argument_group("Longer than the model was trained for")
    long.add_argument(
        "--long", metavar="NAME",
        help="sliding (the default), crossfade, splice, rolling, autoregressive, keyframes, blend, "
        'whole; written as it is made. PROMPT may be a story, "0: a ball rolls; 120: a cube spins"',
    )  # fmt: skip
    long.add_argument(
        "--overlap-noise", type=Share, metavar="X",
        help="show what windows share under noise, 0 to 1, against drift; sliding, crossfade, "
        "splice, autoregressive",
    )  # fmt: skip
    sampling = parser.add_argument_group("Sampling")
    sampling.add_argument("--seed", type=Seed, default=0, metavar="N", help="video k uses seed + k")
    sampling.add_argument("--num-steps", type=Count, metavar="N", help="steps from noise to video")
    sampling.add_argument("--guidance-scale", type=float, metavar="S", help="1 is off")
    sampling.add_argument(
        "--negative-prompt", type=str, metavar="TEXT", help="what to lead away from"
    )
    sampling.add_argument(
        "--guidance", metavar="NAME",
        help="classifier-free, adaptive-projected, zero-star, autoguidance, history, "
        "per-condition; with options: adaptive-projected:eta=0.5,interval=[0.2,0.9]",
    )  # fmt: skip
    add_model_options(parser)
    return parser


def add_model_options(parser: Parser) -> None:
    other = parser.add_argument_group("Model and result")
    other.add_argument(
        "--model", default="tabletop", metavar="NAME",
        help="one that ships, a folder, a hub id; of kinema, or a pipeline of diffusers",
    )  # fmt: skip
    other.add_argument(
        "-n", "--num-videos", type=Count, metavar="N", help="several, with a contact sheet"
    )
    other.add_argument("-o", "--output", metavar="FILE", help=".mp4, .gif, .webp, .mkv (lossless)")
    other.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda")
    other.add_argument(
        "--precision", default="fp32", metavar="NAME", help="fp32, bf16, auto: the faster one here"
    )
    other.add_argument(
        "--lora", action="append", metavar="FILE[:X]",
        help="merge this LoRA into a pipeline of diffusers, X of it (1); of two networks into that "
        "for high or low noise with FILE:X:high; may be given again",
    )  # fmt: skip
    other.add_argument(
        "--dtype", default="fp32", metavar="NAME",
        help="fp32, bf16, fp16: type of the weights of a pipeline of diffusers",
    )  # fmt: skip


def world(argv: list[str]) -> None:
    """synthetic clips whose captions, flow, depth and events are known"""
    parser = Parser("kinema world", str(world.__doc__))
    parser.add_argument("name", metavar="NAME", help="tabletop, discs, gaussian")
    clip = parser.add_argument_group("Clips")
    clip.add_argument("-n", "--num-clips", type=Count, default=16, metavar="N", help="how many")
    clip.add_argument("--size", type=size, default=64, metavar="HxW", help="height and width")
    clip.add_argument("--frames", type=Count, default=33, metavar="N", help="frames of each")
    clip.add_argument("--seed", type=Seed, default=0, metavar="N", help="clip k uses seed + k")
    scene = parser.add_argument_group("Scenes")
    levels = "1 easy to 4 hard; discs: 5 box, 6 curtain"
    scene.add_argument("--level", type=Count, default=1, metavar="L", help=levels)
    splits = "train, held_out (new combinations), all; of the discs edges and swift too"
    scene.add_argument("--split", default="train", metavar="NAME", help=splits)
    result = parser.add_argument_group("Result")
    result.add_argument("-o", "--output", metavar="DIR", help="default: NAME")
    options = parser.parse_args(argv)
    announce(argv, f"Rendering {options.num_clips} clips of {options.name}.")
    from kinema.worlds import Rendering
    from kinema.worlds.writing import write_world

    folder = Path(options.output or options.name)
    rendering = Rendering(options.frames, options.size, options.level, options.split, truth=True)
    count = options.num_clips
    write_world(options.name, folder, count, options.seed, rendering, progress=True)
    print(f"{options.num_clips} clips in {folder}, with metadata.jsonl and a contact sheet")


def slug(text: str) -> str:
    """A file name made of the first words, of at most 60 letters: no system takes any length."""
    return "-".join(re.findall(r"\w+", text.lower())[:6])[:60] or "video"
