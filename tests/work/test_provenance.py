"""Content Credentials: files signed here with a throwaway certificate, tampered with, and counted."""

import base64
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import BadAnswerError, EndpointError, InputError, MissingExtraError
from kakehashi.evaluate.media import CredentialCheck, CredentialReader, credentials
from kakehashi.work.provenance import check_provenance, shares_of

c2pa = pytest.importorskip("c2pa", reason="the extra 'provenance' is not installed")

from reference.credentials import make_png, make_signing, sign_png  # noqa: E402


@pytest.fixture(scope="module")
def signing():
    return make_signing()


@pytest.fixture(scope="module")
def signed(signing) -> bytes:
    return sign_png(make_png(), signing)


@pytest.fixture
def anchors(signing, tmp_path):
    path = tmp_path / "trust.pem"
    path.write_bytes(signing.authority)
    return path


def tampered(data: bytes) -> bytes:
    """The picture with one bit of one pixel changed."""
    place = data.index(b"IDAT") + 9
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_an_intact_file_is_valid_only_where_its_signer_is_trusted(signed, anchors, tmp_path):
    alone = CredentialReader().check_bytes("a", signed, "png")
    assert (alone.state, alone.reason) == ("untrusted", "signingCredential.untrusted")
    found = CredentialReader(anchors).check_bytes("a", signed, "png")
    assert (found.state, found.reason, found.issuer) == ("valid", "", "Throwaway")
    assert found.source_types == ("trainedAlgorithmicMedia",)
    assert found.generator == "kakehashi-test"
    other = tmp_path / "other.pem"
    other.write_bytes(make_signing().authority)
    assert CredentialReader(other).check_bytes("a", signed, "png").state == "untrusted"


def test_one_changed_bit_is_invalid_with_its_reason(signed, anchors):
    found = CredentialReader(anchors).check_bytes("a", tampered(signed), "png")
    assert (found.state, found.reason) == ("invalid", "assertion.dataHash.mismatch")


def test_credentials_moved_to_another_picture_are_invalid(signed, anchors):
    start = signed.index(b"caBX") - 4
    length = int.from_bytes(signed[start : start + 4], "big") + 12
    other = make_png(shade=3)
    at = other.index(b"IDAT") - 4
    moved = other[:at] + signed[start : start + length] + other[at:]
    assert CredentialReader(anchors).check_bytes("a", moved, "png").state == "invalid"


def test_every_changed_byte_of_the_credentials_is_noticed(signed, signing, anchors):
    start = signed.index(b"caBX")
    end = start + int.from_bytes(signed[start - 4 : start], "big")
    # Padding and the certificate chain's copies aside, a change anywhere must not stay valid: 40 places, evenly.
    reader = CredentialReader(anchors)
    states = []
    for place in range(start + 40, end, (end - start) // 40):
        changed = signed[:place] + bytes([signed[place] ^ 0xFF]) + signed[place + 1 :]
        if changed[place - 4 : place + 5].count(0) < 6:  # the standard lets padding be
            states.append(reader.check_bytes("a", changed, "png").state)
    assert len(states) >= 5
    assert "valid" not in states


def test_what_carries_nothing_or_cannot_be_read_is_told_apart(anchors):
    reader = CredentialReader(anchors)
    assert reader.check_bytes("a", make_png(), "png").state == "absent"
    assert reader.check_bytes("a", b"hello", "txt").state == "unsupported"
    assert reader.check_bytes("a", b"", "png").state == "unreadable"
    assert reader.check_bytes("a", make_png()[:20], "png").state in {"unreadable", "absent"}
    assert reader.check_bytes("a", b"garbage", "jpg").state == "unreadable"


def test_a_wrong_ending_is_no_matter(signed, anchors):
    for kind in ("", "jpg", "image/png", "x-nothing"):
        assert CredentialReader(anchors).check_bytes("a", signed, kind).state == "valid", kind


@pytest.fixture
def folder(signed, tmp_path):
    root = tmp_path / "media"
    (root / "below").mkdir(parents=True)
    (root / "a.png").write_bytes(signed)
    (root / "b.png").write_bytes(tampered(signed))
    (root / "below" / "c.png").write_bytes(make_png())
    (root / "below" / "d.png").write_bytes(signed)
    (root / "e.txt").write_text("hello")
    (root / "f.png").write_bytes(b"")
    (root / ".hidden.png").write_bytes(signed)
    (root / "link.png").symlink_to(root / "a.png")
    return root


def test_a_folder_is_counted_with_intervals(folder, anchors):
    survey = check_provenance([folder], trust=anchors)
    assert [(c.name.removeprefix(str(folder) + "/"), c.state) for c in survey.checks] == [
        ("a.png", "valid"), ("b.png", "invalid"), ("below/c.png", "absent"), ("below/d.png", "valid"),
        ("e.txt", "unsupported"), ("f.png", "unreadable"),
    ]  # fmt: skip
    shares = {share.state: share for share in survey.shares}
    assert (shares["valid"].k, shares["valid"].n, shares["valid"].value) == (2, 4, 0.5)
    # Wilson for 2 of 4, by hand with z = 1.959964: center (2 + z²/2)/(4 + z²) = 0.5,
    # half-width z·sqrt(2·2/4 + z²/4)/(4 + z²) = 1.959964·sqrt(1 + 0.960365)/7.841459 = 0.349959.
    assert shares["valid"].interval.low == pytest.approx(0.5 - 0.349959, abs=1e-5)
    assert shares["valid"].interval.high == pytest.approx(0.5 + 0.349959, abs=1e-5)
    assert (shares["unsupported"].k, shares["unsupported"].n) == (1, 6)
    assert not survey.all_hold


def test_without_files_that_can_be_looked_at_there_is_no_share():
    shares = shares_of([CredentialCheck("a", "unsupported")])
    assert [(s.state, s.value) for s in shares if s.n == 0] == [
        ("valid", None), ("untrusted", None), ("invalid", None), ("absent", None),
    ]  # fmt: skip


class _Media(BaseHTTPRequestHandler):
    answers: dict[str, tuple[str, bytes]]

    def __init__(self, answers, *args):
        self.answers = answers
        super().__init__(*args)

    def do_GET(self):
        kind, body = self.answers.get(self.path, ("", b""))
        self.send_response(200 if kind else 302)
        if kind:
            self.send_header("Content-Type", kind)
        else:
            self.send_header("Location", "/picture")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def address(signed):
    images = {"data": [{"b64_json": base64.b64encode(data).decode()} for data in (signed, make_png())]}
    answers = {
        "/picture": ("image/png", signed),
        "/images": ("application/json", json.dumps(images).encode()),
        "/words": ("application/json", b'{"data": []}'),
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Media, answers)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_media_of_an_endpoint_are_looked_at(address, anchors):
    survey = check_provenance([f"{address}/picture", f"{address}/images"], trust=anchors)
    assert [check.state for check in survey.checks] == ["valid", "valid", "absent"]
    assert survey.checks[2].name == f"{address}/images#2"


def test_an_endpoint_that_answers_something_else_is_an_error(address):
    with pytest.raises(BadAnswerError, match="JSON without images"):
        check_provenance([f"{address}/words"])
    with pytest.raises(EndpointError, match="answered 302"):
        check_provenance([f"{address}/elsewhere"])
    with pytest.raises(EndpointError, match="did not answer"):
        check_provenance(["http://127.0.0.1:9/x"])
    with pytest.raises(InputError):
        check_provenance(["http://user:secret@127.0.0.1/x"])


def test_bad_words_are_clear_errors(tmp_path, anchors):
    with pytest.raises(InputError, match="no such file or folder"):
        check_provenance([tmp_path / "nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no files"):
        check_provenance([empty])
    anchors.write_text("no certificate")
    with pytest.raises(InputError, match="no certificates in PEM"):
        CredentialReader(anchors)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setattr(credentials.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="provenance"):
        CredentialReader()


def test_the_command_counts_and_its_exit_code_says_invalid(folder, anchors):
    done = CliRunner().invoke(
        cli, ["provenance", "check", str(folder), "--trust", str(anchors), "--json"], standalone_mode=False
    )
    assert done.return_value == 6
    said = json.loads(done.output)
    assert [share["k"] for share in said["shares"]] == [2, 0, 1, 1, 1, 1]
    assert said["shares"][0]["interval"]["method"] == "wilson"
    done = CliRunner().invoke(cli, ["provenance", "check", str(folder / "a.png")], standalone_mode=False)
    assert (done.return_value, "untrusted signer" in done.output) == (0, True)
