"""Kits for machines without a network: with small stand-in wheels here, really under ``make proof``."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, KakehashiError, StorageError, UsageError, VerificationError
from kakehashi.evaluate.datasets import DataStore, pull_set
from kakehashi.work import kit_bootstrap as bootstrap
from kakehashi.work.kit import checkout, install_kit, make_kit, verify_kit


def wheel(folder: Path, name: str, version: str, body: str, requires: str = "") -> Path:
    """A wheel of one module, made by hand."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": body,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    place = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return place


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder of wheels and a workspace with data."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "wheels").mkdir()
    wheel(folder / "wheels", "standin", "1.0", "import helper\nprint(helper.WORD)\n", "helper>=2")
    wheel(folder / "wheels", "helper", "2.0", "WORD = 'it works'\n")
    wheel(folder / "wheels", "unneeded", "1.0", "")
    (folder / "ws" / "data" / "set").mkdir(parents=True)
    (folder / "ws" / "data" / "set" / "items.csv").write_text("id\n1\n")
    return folder


def make(given, folder, **more):
    words = {
        "package": "standin",
        "extras": "",
        "models": (),
        "wheels": given / "wheels",
        "workspace": given / "ws",
    }
    return make_kit(folder, **{**words, **more})


@pytest.fixture(scope="module")
def kit(given, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit") / "kit"
    return folder, make(given, folder)


def test_a_kit_holds_what_is_needed_and_no_more_with_its_sizes_and_checksums(kit):
    folder, report = kit
    assert sorted(p.name for p in (folder / "wheels").iterdir()) == [
        "helper-2.0-py3-none-any.whl", "standin-1.0-py3-none-any.whl",
    ]  # fmt: skip
    assert report.files == {"wheels": 2, "models": 0, "data": 1, "docs": 0}
    assert report.bytes["data"] == len("id\n1\n")
    assert report.total == sum(
        p.stat().st_size for part in ("wheels", "data") for p in (folder / part).rglob("*.*")
    )
    assert any("no documentation" in note for note in report.notes)
    # the list is one that sha256sum itself can check
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert verify_kit(folder) == 5  # two wheels, one data file, kit.json, install.py
    about = json.loads((folder / "kit.json").read_text())
    assert (about["complete"], about["binary"], about["requirement"]) == (True, False, "standin")


def copy_of(kit, tmp_path):
    import shutil

    return Path(shutil.copytree(kit[0], tmp_path / "copy"))


def test_what_is_missing_changed_or_strange_is_named(kit, tmp_path):
    folder = copy_of(kit, tmp_path)
    (folder / "wheels" / "helper-2.0-py3-none-any.whl").unlink()
    (folder / "data" / "set" / "items.csv").write_text("id\n2\n")
    (folder / "extra.txt").write_text("x")
    with pytest.raises(VerificationError) as error:
        verify_kit(folder)
    for words in ("missing: wheels/helper", "changed: data/set/items.csv", "not of the kit: extra.txt"):
        assert words in error.value.message
    with pytest.raises(VerificationError, match="damaged"):
        install_kit(folder, tmp_path / "env", tmp_path / "ws")
    assert not (tmp_path / "env").exists()


def test_the_same_call_mends_and_goes_on_without_copying_again(given, kit, tmp_path):
    folder = copy_of(kit, tmp_path)
    kept = folder / "wheels" / "standin-1.0-py3-none-any.whl"
    before = kept.stat().st_mtime_ns
    (folder / "wheels" / "helper-2.0-py3-none-any.whl").write_bytes(b"cut off")
    (folder / "data" / "set" / "items.csv.part").write_text("half")
    wheel(folder / "wheels", "old", "0.1", "")
    said = []
    make(given, folder, say=said.append)
    assert verify_kit(folder) == 5
    assert kept.stat().st_mtime_ns == before
    assert [line for line in said if line.startswith("fetching")] == [
        "fetching 1 of 2: helper-2.0-py3-none-any.whl"
    ]
    assert not (folder / "wheels" / "old-0.1-py3-none-any.whl").exists()


def test_a_kit_that_was_not_finished_is_not_used_and_one_without_data_says_so(given, tmp_path):
    with pytest.raises(StorageError, match="pip install failed"):
        make(given, tmp_path / "kit", package="absent")
    with pytest.raises(InputError, match="not finished"):
        verify_kit(tmp_path / "kit")
    report = make(given, tmp_path / "kit", workspace=tmp_path / "none")
    assert verify_kit(tmp_path / "kit") == 4
    assert report.files["data"] == 0
    assert any("no data" in note for note in report.notes)


def test_other_folders_are_left_alone(given, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="other things"):
        make(given, tmp_path / "mine")
    with pytest.raises(InputError, match="no kit here"):
        verify_kit(tmp_path / "mine")


def test_it_installs_by_the_script_that_it_carries_and_without_a_network(kit, tmp_path):
    folder, _ = kit
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(StorageError, match="already"):
        install_kit(folder, tmp_path / "full", tmp_path / "ws")
    nowhere = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "0"}
    words = [sys.executable, str(folder / "install.py"), "--to", "env", "--workspace", "ws"]
    for _ in range(2):  # a second time it is taken up
        done = subprocess.run(words, cwd=tmp_path, env=nowhere, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "installed: env" in done.stdout
    said = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-c", "import standin"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "it works\n"
    assert (tmp_path / "ws" / "data" / "set" / "items.csv").read_text() == "id\n1\n"
    assert verify_kit(folder) == 5  # the script leaves nothing in the kit


def test_a_kit_for_another_python_or_machine_is_refused_before_anything_is_made(kit, tmp_path):
    folder = copy_of(kit, tmp_path)
    about = json.loads((folder / "kit.json").read_text())
    for change, words in (({"python": "3.99"}, "for python 3.99"), ({"platform": "plan9-vax"}, "plan9-vax")):
        text = json.dumps({**about, "binary": True, **change})
        (folder / "kit.json").write_text(text)
        sums = (folder / "SHA256SUMS").read_text().splitlines()
        kept = [line for line in sums if not line.endswith("  kit.json")]
        (folder / "SHA256SUMS").write_text(
            "\n".join([*kept, f"{hashlib.sha256(text.encode()).hexdigest()}  kit.json"]) + "\n"
        )
        with pytest.raises(InputError, match=words):
            install_kit(folder, tmp_path / "env", tmp_path / "ws")
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(
    "line", ["", "abc  x", f"{'0' * 64}  ../../x", f"{'0' * 64}  /etc/x", f"{'0' * 64} x"]
)
def test_a_list_that_is_none_or_leads_out_of_the_kit_is_refused(kit, tmp_path, line):
    folder = copy_of(kit, tmp_path)
    (folder / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(VerificationError, match="not a checksum line"):
        verify_kit(folder)


def test_the_command_says_the_same(kit, tmp_path):
    def here(*words):
        done = CliRunner().invoke(cli, [str(word) for word in words])
        if isinstance(done.exception, KakehashiError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.stdout

    folder, _ = kit
    code, out = here("kit", "verify", folder, "--json")
    sums = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert (code, json.loads(out)) == (0, {"files": 5, "sha256sums": sums})
    assert here("kit", "verify", tmp_path)[0] == 3
    assert here("kit", "install", tmp_path, "--to", tmp_path / "env")[0] == 3
    (tmp_path / "x").write_text("")
    assert here("kit", "make", tmp_path, "--no-model")[0] == 2


def test_the_script_in_the_kit_needs_the_standard_library_alone():
    text = Path(bootstrap.__file__).read_text(encoding="utf-8")
    assert "import kakehashi" not in text
    assert "from kakehashi" not in text


@pytest.mark.proof
def test_a_real_kit_is_made_and_installed_and_assesses(tmp_path, record_property):
    root = checkout()
    assert root is not None
    report = make_kit(tmp_path / "kit", workspace=root / "kakehashi-work")
    record_property("sizes", ", ".join(f"{part} {size / 1e6:.1f} MB" for part, size in report.bytes.items()))
    assert verify_kit(tmp_path / "kit") > 40
    done = install_kit(tmp_path / "kit", tmp_path / "env", tmp_path / "ws")
    words = [
        done["command"],
        "assess",
        "local/smollm2",
        "--method",
        "core",
        "--limit",
        "1",
        "--offline",
        "--workspace",
    ]
    ended = subprocess.run(
        [*words, str(tmp_path / "ws")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_data_that_are_not_as_pinned_are_not_taken_along(given, shared, tmp_path):
    store = DataStore(tmp_path / "ws" / "data")
    pull_set(store, "simplesafetytests", mirror=shared / "suites")
    file = store.file("simplesafetytests", "test-cases.csv")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(VerificationError, match=r"simplesafetytests: test-cases\.csv") as raised:
        make(given, tmp_path / "kit", workspace=tmp_path / "ws")
    assert raised.value.hint == "Run: kakehashi data pull simplesafetytests"
    assert not (tmp_path / "kit").exists()  # said before anything is fetched
