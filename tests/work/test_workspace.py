"""Where a workspace is: named, else KAKEHASHI_HOME, else a folder here; one rule for command and Python twins."""

import kakehashi as kh
from kakehashi.work.workspace import Workspace


def test_a_named_folder_goes_before_the_environment_and_that_before_the_usual(monkeypatch, tmp_path):
    monkeypatch.delenv("KAKEHASHI_HOME", raising=False)
    assert Workspace.of().path.as_posix() == "kakehashi-work"
    monkeypatch.setenv("KAKEHASHI_HOME", str(tmp_path / "home"))
    assert Workspace.of().path == tmp_path / "home"
    assert Workspace.of("mine").path.as_posix() == "mine"


def test_a_python_twin_works_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("KAKEHASHI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    run = kh.assess(["mock:refuse"], methods=["core"], limit=1)
    assert run.folder.is_relative_to(tmp_path / "home")
    assert not (tmp_path / "kakehashi-work").exists()
