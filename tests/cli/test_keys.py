"""A key from the environment is in the header of a request, and nowhere else that a user, log or file can see."""

import pytest
from commands import Served, files_under, kakehashi, own_method, subject_file

KEY = "sk-canary-4b1d5f0c77e2a9"
#: What a server may do with a key that it was sent.
FAULTS = ("echokey", "400:echokey", "500:echokey", "truncated", "badutf8", "drop", "empty")


def nothing_holds_the_key(folder, *done):
    for one in done:
        assert KEY not in one.both
    for name, data in files_under(folder).items():
        assert KEY.encode() not in data, name
        assert KEY not in name


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_key_is_sent_and_never_shown_written_reported_or_exported(tmp_path, kind):
    method = own_method(tmp_path, ["Good day.", "Good night.", *(f"Say it. [[{fault}]]" for fault in FAULTS)])
    with Served() as mock:
        endpoint = mock.subject if kind == "openai" else "anthropic:tiny"
        path = subject_file(tmp_path, name="keyed", endpoint=endpoint, key_env="CANARY_KEY")
        if kind == "anthropic":  # its own address is not on loopback, so there is nothing to call
            missing = kakehashi("assess", path.name, "--method", method, cwd=tmp_path)
            assert (missing.code, "CANARY_KEY" in missing.err) == (4, True)
            return
        call = ("assess", path.name, "--method", method, "--patience", "1", "--out", "out")
        env = {"CANARY_KEY": KEY}
        first = kakehashi(*call, "--json", cwd=tmp_path, **env)
        assert first.code == 10, first.both
        assert all(headers["Authorization"] == f"Bearer {KEY}" for headers in mock.server.headers)
        partial = kakehashi(*call, "--partial", cwd=tmp_path, **env)
        assert partial.code == 0, partial.both
        mock.server.default = "401:echokey"
        mock.server.tags = False
        refused = kakehashi("assess", path.name, "--method", "core", "--limit", "7", cwd=tmp_path, **env)
        assert refused.code == 4
        assert "[key removed]" in refused.err
        mock.mend()
        last = kakehashi(*call, "--json", cwd=tmp_path, **env)
        assert last.code == 0, last.both
    run = last.json["run"]
    exported = kakehashi(
        "results", "export", run, "--eee", "--texts", "--out", "eee", cwd=tmp_path, CANARY_KEY=KEY
    )
    shown = kakehashi("results", "show", run, "--all", "--json", cwd=tmp_path, CANARY_KEY=KEY)
    doctor = kakehashi("doctor", "--json", cwd=tmp_path, CANARY_KEY=KEY)
    assert b"you sent Bearer [key removed]" in b"".join(files_under(tmp_path / "kakehashi-work").values())
    nothing_holds_the_key(tmp_path, first, partial, refused, last, exported, shown, doctor)


@pytest.mark.parametrize("fault", ["401:echokey", "429:echokey", "301", "cutbody", "notobject"])
def test_debug_shows_a_traceback_and_still_no_key(tmp_path, fault):
    import subprocess

    from commands import Done, environment, words

    with Served(default=fault) as mock:
        path = subject_file(tmp_path, name="keyed", endpoint=mock.subject, key_env="CANARY_KEY")
        call = words(
            "--debug", "assess", path.name, "--method", "core", "--limit", "7", "--patience", "0.2", "--json"
        )
        ended = subprocess.run(
            call, cwd=tmp_path, env=environment(CANARY_KEY=KEY), capture_output=True, timeout=120, check=False
        )
        assert mock.server.headers[0]["Authorization"] == f"Bearer {KEY}"
    done = Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    assert done.code != 0
    assert "Traceback" in done.err
    nothing_holds_the_key(tmp_path, done)


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{KEY}@127.0.0.1:9/v1#tiny",
        f"http://{KEY}@127.0.0.1:9/v1#tiny",
        f"http://127.0.0.1:9/v1?api_key={KEY}#tiny",
        f"http://127.0.0.1:9/v1?access-token={KEY}#tiny",
        f"ftp://me:{KEY}@127.0.0.1:9/v1#tiny",
    ],
)
def test_credentials_in_an_address_are_refused_without_repeating_them(tmp_path, address):
    typed = kakehashi("assess", address, "--method", "core", "--limit", "7", cwd=tmp_path)
    told = kakehashi("assess", address, "--method", "core", "--limit", "7", "--json", cwd=tmp_path)
    path = subject_file(tmp_path, name="wrong", endpoint=address)
    filed = kakehashi("assess", path.name, "--method", "core", "--limit", "7", cwd=tmp_path)
    path.unlink()
    assert {typed.code, told.code, filed.code} <= {2, 3}
    nothing_holds_the_key(tmp_path, typed, told, filed)
