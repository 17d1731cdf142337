"""``pip install .`` without extras, in an environment of its own; and how little the help loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import environment

ROOT = Path(__file__).resolve().parents[2]


def test_the_help_loads_neither_scipy_nor_duckdb_nor_aiohttp():
    program = (
        "import sys; from kakehashi.cli.main import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'duckdb', 'aiohttp', 'rich', 'jinja2', 'yaml', 'cryptography', 'starlette'}\n"
        "print('loaded:', sorted(heavy & sys.modules.keys()))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, check=True
    )
    assert ended.stdout.decode().splitlines()[-1] == "loaded: []"
    assert b"Begin with: kakehashi demo" in ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The ``kakehashi`` of a fresh environment with the base install alone."""
    folder = tmp_path_factory.mktemp("minimal")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    source = folder / "source"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(source)],
        check=False,
        capture_output=True,
    )
    words = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        str(ROOT / "constraints.txt"),
    ]
    # Here pip's own settings count: the machine's mirror, cache and certificates.
    made = subprocess.run(
        [str(python), *words, str(source if source.exists() else ROOT)], capture_output=True, check=False
    )
    if made.returncode:
        said = made.stderr.decode()
        if any(word in said for word in ("No matching distribution", "Could not find", "connection", "ssl")):
            pytest.skip("packages cannot be fetched here")
        raise AssertionError(said)
    return python


@pytest.mark.slow
@pytest.mark.xdist_group("minimal")
def test_a_base_install_compares_assesses_and_names_the_command_for_a_missing_extra(installed, tmp_path):
    def run(*words):
        return subprocess.run(
            [str(installed), "-m", "kakehashi.cli.main", *words],
            cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip

    packages = subprocess.run(
        [str(installed), "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    for absent in ("pytest", "altair", "xllamacpp", "vl-convert"):
        assert absent not in packages
    assert run("--help").returncode == 0
    published = run("compare", "exposure", "--published", "--json")
    assert published.returncode == 0, published.stderr
    assert '"n_first": 11' in published.stdout
    assert run("compare", "agreement", "--published").returncode == 0
    empty = run("results", "list")
    assert empty.returncode in (0, 5), empty.stderr
    assert "Traceback" not in empty.stderr
    assessed = run("assess", "mock:refuse", "mock:comply", "--method", "core", "--limit", "7", "--out", "out")
    assert assessed.returncode == 0, assessed.stderr
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    listed = run("results", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    doctor = run("doctor", "--json")
    assert "pip install 'kakehashi[local]'" in doctor.stdout
    for words in (("assess", "local/smollm2"), ("demo",), ("models", "serve")):
        missing = run(*words)
        assert (missing.returncode, missing.stderr.count("\n")) == (9, 2), missing.stderr
        assert "Run: python -m pip install 'kakehashi[local]'" in missing.stderr
