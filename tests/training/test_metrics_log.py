import json

import pytest

from kinema.training.metrics_log import MetricsLog


def test_lines_beyond_the_resumed_position_and_torn_lines_are_dropped(tmp_path):
    with MetricsLog(tmp_path, 100) as log:
        for samples in (10, 20, 30):
            log.log({"loss": 1.0 / samples}, samples)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"samples": 1')
    with MetricsLog(tmp_path, 100, samples=20) as log:
        log.log({"loss": 0.5}, 30)
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [x["samples"] for x in lines] == [10, 20, 30]
    assert lines[-1]["loss"] == 0.5
    assert any((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize("line", [b"[]", b'{"loss": 1}', b"\xff\xfe", b'{"samples": "x"}', b"null"])
def test_lines_that_are_no_metrics_are_dropped(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"samples": 10}\n' + line + b'\n{"samples": 20}\n')
    with MetricsLog(tmp_path, 100, samples=20):
        assert path.read_text() == '{"samples": 10}\n{"samples": 20}\n'


def test_a_process_that_does_not_lead_writes_nothing(tmp_path):
    with MetricsLog(tmp_path, 100, speaks=False) as log:
        log.back_to(0)
    assert not any(tmp_path.iterdir())
