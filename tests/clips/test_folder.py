import json

import numpy as np
import pytest

from kinema import clips
from kinema.clips import Clip, ClipFolder
from kinema.errors import Notice, UserError


def fill(folder, square, lengths=(12, 20, 16), extra=()):
    """Clips whose blue channel says which file they come from."""
    folder.mkdir(exist_ok=True)
    rows = []
    for number, length in enumerate(lengths):
        frames = square(length)
        frames[..., 2] = 40 * number
        clips.write(Clip(frames, 16), folder / f"{number}.mkv")
        rows.append({"file_name": f"{number}.mkv", "text": f"clip {number}"})
    rows[1:1] = extra
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    return folder


def test_items_have_one_shape_and_their_own_caption(tmp_path, square):
    data = ClipFolder(fill(tmp_path, square), 5, (16, 24), stride=2)
    assert len(data) == 3
    for number, clip in enumerate(data[i] for i in range(3)):
        assert clip.frames.shape == (5, 16, 24, 3)
        assert clip.text == f"clip {number}"
        assert clip.fps == 8
        assert abs(int(clip.frames[0, 0, 0, 2]) - 40 * number) <= 2


def test_an_item_depends_on_seed_epoch_and_index_alone(tmp_path, square):
    folder = fill(tmp_path, square)
    first, second = (ClipFolder(folder, 4, (8, 8), seed=1) for _ in range(2))
    epochs = [first.clip(1, epoch).frames for epoch in range(5)]
    for epoch in reversed(range(5)):  # in another order, by another reader
        assert np.array_equal(second.clip(1, epoch).frames, epochs[epoch])
    assert any(not np.array_equal(epochs[0], other) for other in epochs[1:])
    other = ClipFolder(folder, 4, (8, 8), seed=2)
    assert any(not np.array_equal(other.clip(1, e).frames, epochs[e]) for e in range(5))


def test_starts_reach_the_whole_file(tmp_path, square):
    data = ClipFolder(fill(tmp_path, square, lengths=(8,)), 6, (32, 48))
    whole = clips.read(tmp_path / "0.mkv").frames
    starts = set()
    for epoch in range(30):
        frames = data.clip(0, epoch).frames
        starts |= {s for s in range(3) if np.array_equal(frames, whole[s : s + 6])}
    assert starts == {0, 1, 2}


def test_unreadable_files_are_set_aside_and_captions_stay(tmp_path, square):
    bad = [
        {"file_name": "broken.mp4", "text": "broken"},
        {"file_name": "missing.mp4", "text": "missing"},
        {"file_name": "short.mkv", "text": "short"},
    ]
    fill(tmp_path, square, extra=bad)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    clips.write(Clip(square(3), 16), tmp_path / "short.mkv")
    with pytest.warns(Notice, match="3 file"):
        data = ClipFolder(tmp_path, 5, (16, 16))
    assert [item.text for item in data.items] == ["clip 0", "clip 1", "clip 2"]
    assert [data[i].text for i in range(3)] == ["clip 0", "clip 1", "clip 2"]
    assert "not a video" in data.set_aside["broken.mp4"]
    assert "does not exist" in data.set_aside["missing.mp4"]
    assert "too short" in data.set_aside["short.mkv"]


def test_a_file_damaged_later_is_replaced_with_its_caption(tmp_path, square):
    data = ClipFolder(fill(tmp_path, square), 5, (16, 16))
    (tmp_path / "1.mkv").write_bytes(b"gone")
    with pytest.warns(Notice, match=r"1\.mkv"):
        clip = data[1]
    assert clip.text == "clip 2"
    assert abs(int(clip.frames[0, 0, 0, 2]) - 80) <= 2
    assert data[1].text == "clip 2" and data[0].text == "clip 0"


def test_a_folder_of_nothing_usable(tmp_path, square):
    fill(tmp_path, square, lengths=(3,))
    with pytest.raises(UserError, match="too short: it has 3 frames, 5 at stride 1 need 5"):
        ClipFolder(tmp_path, 5, (16, 16))


def test_resampled_files(tmp_path, square):
    data = ClipFolder(fill(tmp_path, square, lengths=(16,)), 8, (16, 16), fps=8)
    assert data.items[0].num_frames == 8
    assert data[0].fps == 8


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ('{"text": "no name"}', r"line 1.*file_name"),
        ('{"file_name": "0.mkv"}\nnot json', "line 2"),
        ("[1]", "line 1"),
        ('{"file_name": 3}', "line 1"),
        ('{"file_name": "0.mkv", "text": ["a"]}', "line 1"),
        ("[" * 100_000, "line 1"),
        ('{"file_name": "../0.mkv"}', "leads out of the folder"),
        ('{"file_name": "a/../../0.mkv"}', "leads out of the folder"),
        ('{"file_name": "..\\\\0.mkv"}', "leads out of the folder"),
        ('{"file_name": "/etc/passwd"}', "leads out of the folder"),
        ('{"file_name": "C:\\\\0.mkv"}', "leads out of the folder"),
        ('{"file_name": ""}', "leads out of the folder"),
    ],
)
def test_bad_lists_are_named(tmp_path, lines, said):
    if lines is not None:
        (tmp_path / "metadata.jsonl").write_text(lines)
        clips.write(Clip(np.zeros((9, 16, 16, 3), np.uint8), 8), tmp_path / "0.mkv")
    with pytest.raises(UserError, match=said) as caught:
        ClipFolder(tmp_path, 5, (16, 16))
    assert "metadata.jsonl" in str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        ClipFolder(tmp_path / "none", 5, (16, 16))


def test_a_list_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "metadata.jsonl").write_bytes(b'{"file_name": "\xff.mkv"}\n')
    with pytest.raises(UserError, match="line 1"):
        ClipFolder(tmp_path, 5, (16, 16))


def test_links_are_followed_as_the_cache_of_the_hub_needs(tmp_path, square):
    folder = fill(tmp_path / "snapshot", square, lengths=(9,))
    (folder / "0.mkv").rename(tmp_path / "blob")
    (folder / "0.mkv").symlink_to(tmp_path / "blob")
    assert ClipFolder(folder, 5, (16, 16))[0].text == "clip 0"


def test_a_malformed_note_does_not_end_a_training(tmp_path, square):
    fill(tmp_path, square, extra=[{"file_name": "bad.mkv", "text": "bad"}])
    clip = Clip(square(12), 16, metadata={})
    with pytest.MonkeyPatch.context() as patch:
        comment = '{"kinema": {"fps": [], "num_frames": "x", "size": 3, "text": {}}}'
        patch.setattr(clips.clip, "write_note", lambda note: comment)
        clips.write(clip, tmp_path / "bad.mkv")
    data = ClipFolder(tmp_path, 5, (16, 16))
    assert [item.text for item in data.items] == ["clip 0", "bad", "clip 1", "clip 2"]
    assert data[1].text == "bad"
