import pytest

from kinema.clips import limits
from kinema.errors import UserError


@pytest.fixture
def path(tmp_path):
    (tmp_path / "x.mp4").write_bytes(bytes(1_500_000))
    return tmp_path / "x.mp4"


def test_a_small_file_holds_4k_frames_and_pictures_of_36_megapixels(path):
    path.write_bytes(bytes(1_000_000))
    limits.check_pixels(path, 2304, 4096)
    limits.check_pixels(path, 6000, 6000, limits.MAX_PIXELS)
    with pytest.raises(UserError, match=r"x\.mp4 is 7680 x 4320 pixels.*9\.5 million"):
        limits.check_pixels(path, 4320, 7680)
    with pytest.raises(UserError, match=r"x\.mp4 is 6000 x 6001 pixels.*36 million"):
        limits.check_pixels(path, 6001, 6000, limits.MAX_PIXELS)


def test_a_larger_file_holds_8k_frames_and_pictures_of_150_megapixels(path):
    path.write_bytes(bytes(1_000_001))
    limits.check_pixels(path, 4320, 7680)
    limits.check_pixels(path, 10_000, 15_000, limits.MAX_PIXELS)
    with pytest.raises(UserError, match=r"6000 x 6001 pixels.*36 million"):
        limits.check_pixels(path, 6001, 6000)
    with pytest.raises(UserError, match=r"15000 x 10001 pixels.*150 million"):
        limits.check_pixels(path, 10_001, 15_000, limits.MAX_PIXELS)


def test_memory_is_450_mb_or_1000_times_what_the_file_has_beyond_one(path):
    limits.check_memory(path, 494, 1_000_000)  # and 6 that the decoder holds
    with pytest.raises(UserError, match="more than 500 MB"):
        limits.check_memory(path, 495, 1_000_000)
    path.write_bytes(b"x")
    limits.check_memory(path, 444, 1_000_000)
    with pytest.raises(UserError, match="more than 450 MB"):
        limits.check_memory(path, 445, 1_000_000)


def test_five_seconds_of_720p_are_read_from_the_smallest_file(path):
    path.write_bytes(b"x")
    limits.check_memory(path, 150, 720 * 1280 * 3)


def test_repeats_are_some_and_some_for_each_picture(path):
    limits.check_repeats(path, 10_000 + 20 * 7, 7)
    with pytest.raises(UserError, match="more than 10,140 repeated pictures"):
        limits.check_repeats(path, 10_000 + 20 * 7 + 1, 7)


@pytest.mark.parametrize("text", ["x", "-1", "0", "nan", ""])
def test_a_setting_is_a_number_above_zero(monkeypatch, text):
    monkeypatch.setenv(limits.PIXELS, text)
    if not text:
        assert limits.setting(limits.PIXELS, 7) == 7
        return
    with pytest.raises(UserError, match="KINEMA_MAX_PIXELS is .*a number above 0"):
        limits.setting(limits.PIXELS, 7)


def test_a_setting_replaces_the_limit(monkeypatch, path):
    monkeypatch.setenv(limits.CLIP_MB, "2000")
    limits.check_memory(path, 1994, 1_000_000)
    monkeypatch.setenv(limits.PIXELS, "1e9")
    limits.check_pixels(path, 30_000, 30_000)
