import json

from kinema.training.journal import Journal


def test_lines_beyond_the_resumed_position_and_torn_lines_are_dropped(tmp_path):
    with Journal(tmp_path, 100) as journal:
        for samples in (10, 20, 30):
            journal.log({"loss": 1.0 / samples}, samples)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"samples": 1')
    with Journal(tmp_path, 100, samples=20) as journal:
        journal.log({"loss": 0.5}, 30)
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [x["samples"] for x in lines] == [10, 20, 30]
    assert lines[-1]["loss"] == 0.5
    assert any((tmp_path / "tensorboard").iterdir())
