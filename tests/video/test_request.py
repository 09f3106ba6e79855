import warnings

import numpy as np
import pytest
import torch

from kinema.errors import Notice, UserError
from kinema.video import Request
from kinema.video.request import parse_story, warn_of_late_parts


def test_prompts_and_seeds():
    request = Request(["a", "b"], num_videos=2, seed=5)
    assert request.stories(True) == [[(0, "a")]] * 2 + [[(0, "b")]] * 2
    assert request.seeds(4) == [5, 6, 7, 8]
    assert Request("a", seed=[3]).seeds(1) == [3]
    assert Request("a", seed=np.int64(3)).seeds(2) == [3, 4]
    with pytest.raises(UserError, match="4 videos need 4 seeds or one, not 2"):
        Request("a", seed=[1, 2]).seeds(4)


def test_unknown_options_are_refused_with_the_nearest():
    with pytest.raises(UserError, match="'guidence_scale'.*'guidance_scale'"):
        Request.of("x", {"guidence_scale": 2})


@pytest.mark.parametrize("name", ["num_frames", "num_steps", "num_videos", "fps", "batch_size"])
@pytest.mark.parametrize("value", [0, -1])
def test_counts_are_positive(name, value):
    with pytest.raises(UserError, match=rf"{name} is {value}.*, and must be from"):
        Request("x", **{name: value})


def test_an_image_or_a_clip():
    with pytest.raises(UserError, match="not both"):
        Request("x", image="a.png", continue_from="b.mp4")


def test_sources_are_recorded():
    assert Request("x", image="a.png").sources() == {"image": "a.png"}
    assert Request("x", image=np.zeros((2, 2, 3), np.uint8)).sources() == {}


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "options",
    [
        {"guidance_scale": NAN},
        {"guidance_scale": INF},
        {"fps": INF},
        {"seed": -1},
        {"seed": [3, -1]},
        {"seed": 2**63},
        {"num_frames": 10**9},
        {"strength": 0},
        {"strength": 1.5},
    ],
)
def test_numbers_that_make_no_sense(options):
    with pytest.raises(UserError, match=rf"{[*options][0]} is .*, and must be (from|a finite)"):
        Request("x", **options)


@pytest.mark.parametrize("options", [{"num_steps": "9"}, {"size": (8,)}, {"seed": 1.5}])
def test_values_of_another_type(options):
    with pytest.raises(UserError, match=f"{[*options][0]} takes a whole number or"):
        Request("x", **options)


def test_a_size_or_its_sides_and_known_types():
    with pytest.raises(UserError, match="either a size or a height"):
        Request("x", size=8, width=8)
    with pytest.raises(UserError, match="'mp4' is unknown; choose one of latent, np, pil, pt"):
        Request("x", output_type="mp4")
    with pytest.raises(UserError, match="'clasifier-free' is unknown.*'classifier-free'"):
        Request("x", guidance="clasifier-free")


def test_negative_prompts_are_one_or_one_for_each_prompt():
    assert Request("a", "no", num_videos=2).negative_prompts(2) == ["no", "no"]
    request = Request(["a", "b"], ["no", "not"], num_videos=2)
    assert request.negative_prompts(4) == ["no", "no", "not", "not"]
    with pytest.raises(UserError, match="2 prompts need as many negative prompts or one, not 3"):
        Request(["a", "b"], ["x", "y", "z"]).negative_prompts(2)


def test_a_new_generator_draws_its_seed_and_then_others():
    generator = torch.Generator().manual_seed(5)
    first, second = (Request("a", generator=generator).seeds(2) for _ in range(2))
    assert first == [5, 6]
    assert second[0] not in (5, 6) and second[1] == second[0] + 1
    state = torch.Generator().manual_seed(5)
    assert [Request("a", generator=state).seeds(2) for _ in range(2)] == [first, second]


def test_a_generator_for_each_video():
    def generators():
        return [torch.Generator().manual_seed(seed) for seed in (3, 8)]

    both = generators()
    drawn = [Request("a", generator=both).seeds(2) for _ in range(2)]
    alone = generators()[1]
    assert drawn[0] == [3, 8]
    assert [Request("a", generator=[alone]).seeds(1)[0] for _ in range(2)] == [8, drawn[1][1]]
    with pytest.raises(UserError, match="3 videos need 3 seeds"):
        Request("a", generator=generators()).seeds(3)


# Stories -----------------------------------------------------------------------------------------


def test_a_prompt_is_a_story_of_one_part():
    for prompt in ("a red ball rolls", "at 9: it stops", "a clock: 12 hours", "16:9 a ball"):
        assert parse_story(prompt) == [(0, prompt)]


def test_the_parts_of_a_story():
    assert parse_story("0: a red ball rolls; 120 : a blue cube: it spins;") == [
        (0, "a red ball rolls"),
        (120, "a blue cube: it spins"),
    ]


@pytest.mark.parametrize("prompt", ["5: late", "0: a; 0: b", "0: a; 9: b; 3: c"])
def test_parts_go_up_from_0(prompt):
    with pytest.raises(UserError, match="begin at frame 0 and go up"):
        parse_story(prompt)


@pytest.mark.parametrize("prompt", ["0: a; then b", "0: a; 7:"])
def test_a_part_without_frame_or_words(prompt):
    with pytest.raises(UserError, match="is not `FRAME: PROMPT`"):
        parse_story(prompt)


def test_parts_that_the_video_never_comes_to():
    story = [(0, "a"), (9, "b"), (30, "c")]
    with pytest.warns(Notice, match=r"ends with frame 29, so it never comes to 30: c\.$"):
        warn_of_late_parts(story, 30)
    with pytest.warns(Notice, match="window of the video begins at frame 5, so .* frame 9 has no"):
        warn_of_late_parts(story[:2], 30, last_window=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_late_parts(story[:2], 30)
        warn_of_late_parts(story[:2], 30, last_window=9)
