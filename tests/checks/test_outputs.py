import json

import pytest

from kinema.checks.check import run
from kinema.checks.clip_report import ClipReport
from kinema.checks.outputs import Outputs, write_outputs
from kinema.checks.report import CheckReport
from kinema.errors import UserError
from kinema.storage import locked_file


def test_every_output_is_written(tmp_path, capsys):
    report = CheckReport([ClipReport("a.mp4", error="a.mp4 holds no frames.")])
    paths = {name: tmp_path / f"o.{name}" for name in ("json", "html", "junit")}
    write_outputs(report, Outputs(**{name: str(path) for name, path in paths.items()}))
    assert json.loads(paths["json"].read_text())["clips"][0]["verdict"] == "error"
    assert paths["html"].read_text().startswith("<!doctype html>")
    assert "testsuite" in paths["junit"].read_text()
    assert capsys.readouterr().out == ""
    write_outputs(report, Outputs(json="-"))
    assert json.loads(capsys.readouterr().out)["schema"] == 1


@pytest.mark.parametrize("name", ["json", "html", "junit"])
def test_what_cannot_be_written_is_told_before_the_work(tmp_path, name):
    (tmp_path / "video.mp4").write_text("not read yet")
    with pytest.raises(UserError, match="it is a folder"):
        run([str(tmp_path / "video.mp4")], outputs=Outputs(**{name: str(tmp_path)}))


def test_a_page_that_another_process_writes_is_refused_before_the_work(tmp_path):
    page = tmp_path / "page.html"
    with locked_file(page), pytest.raises(UserError, match=r"page\.html is in use by process"):
        run([str(tmp_path / "video.mp4")], outputs=Outputs(html=str(page)))


def test_one_file_may_be_named_twice(tmp_path):
    with Outputs(json=str(tmp_path / "x"), html=str(tmp_path / "x")).held():
        pass
    assert not list(tmp_path.iterdir())
