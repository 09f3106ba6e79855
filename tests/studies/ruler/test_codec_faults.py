import numpy as np

from studies.ruler.codec_faults import compress


def test_a_good_encode_is_close_and_odd_sides_survive():
    y, x = np.mgrid[:47, :63]
    waves = [128 + 60 * np.sin((x + 2 * t) / 5) * np.cos(y / 7) for t in range(6)]
    frames = np.stack([np.stack([w, 0.8 * w, 255 - w], -1) for w in waves]).astype(np.uint8)
    good, bad = (compress(frames, crf) for crf in (10, 45))
    assert good.shape == frames.shape
    assert np.abs(good.astype(int) - frames).mean() < 5 < np.abs(bad.astype(int) - frames).mean()
