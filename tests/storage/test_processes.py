import os
import subprocess
import sys
from dataclasses import replace

import pytest

from kinema.storage import processes
from kinema.storage.processes import Process


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def identity(pid):
    return replace(Process.current(), pid=pid, start=processes.start_of(pid))


def test_this_process_lives():
    assert not Process.current().is_gone()


def test_a_process_that_ended_is_gone(child):
    known = identity(child.pid)
    assert not known.is_gone()
    child.kill()
    child.wait()
    assert known.is_gone()


@pytest.mark.skipif(not processes.BOOT.exists(), reason="needs /proc")
def test_a_zombie_is_gone(child):
    known = identity(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet collected
    assert known.is_gone()


@pytest.mark.skipif(not processes.BOOT.exists(), reason="needs /proc")
def test_a_number_that_was_given_to_another_is_gone():
    assert replace(Process.current(), start="0").is_gone()


def test_nobody_knows_about_other_machines():
    assert not Process(2**22 + 1, "", "elsewhere").is_gone()
    assert replace(Process.current(), pid=2**22 + 1).is_gone()


def test_another_users_process_lives(monkeypatch):
    def refuse(pid, signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert not Process.current().is_gone()


def test_without_proc_the_number_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "BOOT", tmp_path / "none")
    assert processes.start_of(os.getpid()) == ""
    assert not Process.current().is_gone()
