"""Where POSIX calls, UTF-8 or the right to write are missing; and folders with odd names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Done, Served, environment, kakehashi, start, words

# What Windows lacks is taken away, and what it has instead is put in its place, over the same locks.
WITHOUT_POSIX = """
import os, signal, sys
if os.environ.get("WITHOUT_POSIX"):
    import fcntl, socket, subprocess, asyncio, tempfile, types
    lock = fcntl.flock
    made = types.ModuleType("msvcrt")
    made.LK_NBLCK, made.LK_UNLCK = 2, 0
    def locking(fd, mode, size):
        lock(fd, fcntl.LOCK_UN if mode == 0 else fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.locking = locking
    sys.modules["msvcrt"], sys.modules["fcntl"] = made, None
    for name in ("pread", "pwrite", "preadv", "fork"):
        if hasattr(os, name):
            delattr(os, name)
    for name in ("sigwait", "pthread_kill", "alarm", "SIGALRM", "SIGHUP"):
        if hasattr(signal, name):
            delattr(signal, name)
"""
ROOT = Path(__file__).resolve().parents[2]
CORE = ("--method", "core", "--limit", "14", "--json")


@pytest.fixture
def without_posix(tmp_path):
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(WITHOUT_POSIX, encoding="utf-8")
    return {"PYTHONPATH": str(hook), "WITHOUT_POSIX": "1"}


def test_without_posix_calls_a_run_is_made_resumed_locked_sealed_and_verified(tmp_path, without_posix):
    probe = "import os, sys; print(hasattr(os, 'pread'), sys.modules['fcntl'])"
    ended = subprocess.run(
        [sys.executable, "-c", probe], env=environment(**without_posix), capture_output=True, check=True
    )
    assert ended.stdout.decode().split() == ["False", "None"]
    with Served() as mock:
        mock.hold()
        first = start("assess", mock.subject, *CORE, cwd=tmp_path, **without_posix)
        while not mock.server.calls:
            assert first.poll() is None, first.communicate()[1].decode()
        second = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path, **without_posix)
        assert (second.code, second.json["error"]) == (5, "LockedError")
        assert f"process {first.pid} on" in second.json["message"]
        mock.let_go()
        mock.server.delay = 0.2
        while mock.server.answered < 4:
            assert first.poll() is None, first.communicate()[1].decode()
        first.kill()
        first.communicate()
        done = kakehashi("assess", mock.subject, "mock:refuse", *CORE, cwd=tmp_path, **without_posix)
        assert done.code == 0, done.both
        asked = mock.server.calls
        again = kakehashi("assess", mock.subject, "mock:refuse", *CORE, cwd=tmp_path, **without_posix)
        assert (again.code, mock.server.calls) == (0, asked)
        # A folder made without them is read with them.
        usual = kakehashi("assess", mock.subject, "mock:refuse", *CORE, cwd=tmp_path)
        assert usual.json["assessment"] == again.json["assessment"]
        assert mock.server.calls == asked
    assert kakehashi("results", "verify", cwd=tmp_path, **without_posix).code == 0


@pytest.mark.parametrize(
    "tests", ["evaluate/engine/test_runfolder.py", "evaluate/engine/test_resume.py", "ledger/test_store.py"]
)
def test_without_posix_calls_the_tests_of_run_folder_and_ledger_pass_too(without_posix, tests):
    call = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", str(ROOT / "tests" / tests)]
    env = {**environment(**without_posix), "PYTEST_ADDOPTS": ""}
    ended = subprocess.run(call, cwd=ROOT, env=env, capture_output=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout.decode()[-3000:]
    assert b" passed" in ended.stdout


@pytest.mark.parametrize("name", ["作業 フォルダー", "quote's [1] a*b? 50%"])
def test_folders_with_spaces_and_other_scripts_work_throughout(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    subject = folder / "系 統.yaml"
    subject.write_text('{"name": "系統", "endpoint": "mock:refuse"}', encoding="utf-8")
    (folder / "my prompts.csv").write_text("prompt,kind,pair,target\nHi?,benign,p,\n", encoding="utf-8")
    room = ("--workspace", folder / "作業 room")
    made = kakehashi(
        "methods", "new", folder / "my prompts.csv", "--construct", "over-refusal", "--language", "en", *room,
        cwd=tmp_path,
    )  # fmt: skip
    assert made.code == 0, made.both
    method = "own/" + made.out.split(":")[0].removeprefix("own/")
    done = kakehashi(
        "assess", subject, "mock:comply", "--method", "core", "--method", method, "--limit", "7",
        "--out", folder / "報告 書", *room, "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.both
    assert (folder / "報告 書" / "report.html").is_file()
    for more in (
        ("results", "list"),
        ("results", "verify", "--against", folder / "報告 書" / "report.html"),
        ("results", "export", done.json["run"], "--eee", "--out", folder / "e e"),
        ("compare", "rank", done.json["run"]),
    ):
        ended = kakehashi(*more, *room, cwd=tmp_path)
        assert ended.code == 0, (more, ended.both)


def test_a_folder_that_reads_like_a_pattern_does_not_bring_in_its_neighbours_rows(tmp_path):
    call = ("--method", "core", "--limit", "7", "--json", "--workspace")
    for room in ("axb", "a*b"):
        assert kakehashi("assess", "mock:refuse", *call, room, cwd=tmp_path).code == 0
    listed = kakehashi("assess", "mock:refuse", *call, "a*b", cwd=tmp_path).json
    assert [row["items"] for row in listed["assessment"]["missing"]] == [14]


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
               {"PYTHONIOENCODING": "cp932"}]
)  # fmt: skip
def test_without_utf_8_everything_is_printed_and_written_all_the_same(tmp_path, locale):
    folder = tmp_path / "日本"
    folder.mkdir()
    (folder / "系統.yaml").write_text('{"name": "系統é–𠮷", "endpoint": "mock:refuse"}', encoding="utf-8")
    call = ("assess", "日本/系統.yaml", "--method", "core", "--limit", "7")
    env = {**environment(), **({} if "PYTHONUTF8" in locale else {"PYTHONUTF8": ""}), **locale}
    env = {name: value for name, value in env.items() if value != ""}

    def run(*arguments):
        ended = subprocess.run(
            [os.fsencode(word) for word in words(*arguments)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in ended.stderr, ended.stderr.decode(errors="replace")
        assert b"a defect of kakehashi" not in ended.stderr
        return ended

    plain = run(*call, "--out", "日本/out")
    assert plain.returncode == 0, plain.stderr
    told = run(*call, "--json")
    body = json.loads(told.stdout.decode("utf-8"))
    assert [one["name"] for one in body["assessment"]["systems"]] == ["系統é-𠮷"]
    wrong = run("assess", "日本/無い.yaml")
    assert wrong.returncode == 3
    error = run("assess", "日本/無い.yaml", "--json")
    assert "無い.yaml" in json.loads(error.stdout.decode("utf-8"))["message"]
    assert "安全応答率" in (folder / "out" / "report.html").read_text(encoding="utf-8")


def obeys_rights():
    """Take from the superuser, who may write anywhere, the capability to do so (Linux: CAP_DAC_OVERRIDE)."""
    import ctypes

    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def test_a_workspace_that_may_not_be_written_is_one_error_and_may_still_be_read(tmp_path):
    if os.name == "nt":
        pytest.skip("rights are another matter there")
    tmp_path.chmod(0o755)
    assert kakehashi("assess", "mock:refuse", *CORE, "--workspace", "ws", cwd=tmp_path).code == 0
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    obeying = obeys_rights if os.geteuid() == 0 else None

    def run(*arguments):
        ended = subprocess.run(
            words(*arguments),
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            check=False,
            preexec_fn=obeying,
        )
        done = Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        assert "Traceback" not in done.both, done.both
        return done

    try:
        refused = run("assess", "mock:comply", *CORE, "--workspace", "ws")
        assert (refused.code, refused.json["error"]) == (5, "StorageError"), refused.both
        assert "Permission denied" in refused.json["message"] or "cannot be" in refused.json["message"]
        listed = run("results", "list", "--workspace", "ws", "--json")
        assert listed.code == 0, listed.both
        name = listed.json["runs"][0]["run"]
        for more in (("results", "verify"), ("results", "show", name)):
            read = run(*more, "--workspace", "ws")
            assert read.code == 0, (more, read.both)
        doctor = run("doctor", "--workspace", "ws", "--json")
        assert {one["check"]: one["state"] for one in doctor.json}["workspace"] == "broken"
    finally:
        for path in [tmp_path, *tmp_path.rglob("*")]:
            path.chmod(0o755)
