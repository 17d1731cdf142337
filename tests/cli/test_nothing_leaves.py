"""Nothing leaves the machine but calls to the endpoints named: every connection of every process is recorded."""

import json
import shutil
import subprocess

import pytest
from commands import Served, kakehashi

# In each Python process, children too: whoever is connected to, written to, or looked up.
_AUDIT = """
import os, sys
def note(event, arguments, path=os.environ.get("RECORDED", "")):
    if not path:
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        seen = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen = arguments[:2]
    else:
        return
    line = (event + " " + repr(seen) + chr(10)).encode()
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(out, line)
    os.close(out)
sys.addaudithook(note)
"""
# Beneath Python: what native libraries (DuckDB, the renderer of charts) connect to by the C library.
_SHIM = """
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
int connect(int fd, const struct sockaddr *to, socklen_t length) {
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (!real) real = dlsym(RTLD_NEXT, "connect");
    const char *path = getenv("NATIVE");
    FILE *out = path ? fopen(path, "a") : NULL;
    if (out && (to->sa_family == AF_INET || to->sa_family == AF_INET6)) {
        char name[64] = "?";
        int port = ntohs(((const struct sockaddr_in *)to)->sin_port);
        if (to->sa_family == AF_INET) inet_ntop(AF_INET, &((const struct sockaddr_in *)to)->sin_addr, name, 64);
        else inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)to)->sin6_addr, name, 64);
        fprintf(out, "%s:%d\\n", name, port);
    }
    if (out) fclose(out);
    return real(fd, to, length);
}
"""


@pytest.fixture
def watched(tmp_path):
    """The environment that records, and the two records."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(_AUDIT, encoding="utf-8")
    env = {
        "PYTHONPATH": str(hook),
        "RECORDED": str(tmp_path / "recorded"),
        "NATIVE": str(tmp_path / "native"),
    }
    if shutil.which("cc"):
        source, shim = tmp_path / "shim.c", tmp_path / "shim.so"
        source.write_text(_SHIM, encoding="utf-8")
        made = subprocess.run(
            ["cc", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], capture_output=True, check=False
        )
        if made.returncode == 0:
            env["LD_PRELOAD"] = str(shim)
    return env, tmp_path / "recorded", tmp_path / "native"


def test_an_assessment_and_all_that_follows_contacts_the_named_endpoint_alone(tmp_path, watched):
    env, recorded, native = watched
    with Served() as mock:
        done = kakehashi(
            "assess",
            mock.subject,
            "mock:refuse",
            "--limit",
            "7",
            "--out",
            "out",
            "--json",
            cwd=tmp_path,
            **env,
        )
        assert done.code == 0, done.both
        run, port = done.json["run"], mock.server.port
    # The recorder works: it has seen each of the two layers connect to the mock.
    assert f"socket.connect ('127.0.0.1', {port})" in recorded.read_text(encoding="utf-8")
    if "LD_PRELOAD" in env:
        assert f"127.0.0.1:{port}" in native.read_text(encoding="utf-8")
    for words in (
        ("results", "export", run, "--eee", "--out", "eee"),
        ("results", "verify"),
        ("report", "assessment", run, "--out", "again"),
        ("compare", "agreement", run),
        ("compare", "exposure", "--published"),
        ("methods", "list"),
        ("models", "list"),
        ("doctor",),
    ):
        assert kakehashi(*words, cwd=tmp_path, **env).code == 0, words
    lines = set(recorded.read_text(encoding="utf-8").splitlines())
    assert lines <= {f"socket.connect ('127.0.0.1', {port})", f"socket.getaddrinfo ('127.0.0.1', {port})"}
    if native.exists():
        assert set(native.read_text(encoding="utf-8").split()) == {f"127.0.0.1:{port}"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page  # charts were drawn while it was watched


def test_sql_over_the_ledger_cannot_fetch_and_installs_nothing(tmp_path, watched):
    env, recorded, native = watched
    assert kakehashi("assess", "mock:refuse", "--method", "core", "--limit", "7", cwd=tmp_path).code == 0
    program = """
import json, sys
from kakehashi.errors import KakehashiError
from kakehashi.ledger import Ledger
with Ledger.open("kakehashi-work/ledger") as ledger:
    for sql in (
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM sqlite_scan('x', 'y')",
        "INSTALL httpfs",
        "LOAD httpfs",
    ):
        try:
            print(json.dumps([sql, str(ledger.query(sql))]))
        except KakehashiError as error:
            print(json.dumps([sql, None]))
"""
    from commands import environment, words

    ended = subprocess.run(
        [words()[0], "-c", program],
        cwd=tmp_path,
        env=environment(**env),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers = [json.loads(line) for line in ended.stdout.decode().splitlines()]
    assert len(answers) == 5
    assert [answer for _, answer in answers] == [None] * 5
    assert not recorded.exists()
    assert not native.exists()
