"""Bringing data sets: the same hashes from upstream, a mirror's folder and a mirror's address."""

import hashlib
import json
import threading
from errno import ENOSPC
from pathlib import Path

import pytest
from evaluate.datasets.file_server import FileServer

from kakehashi.errors import (
    CorruptFileError,
    DataMissingError,
    EndpointError,
    EndpointUnreachableError,
    FormatVersionError,
    InputError,
    LockedError,
    StorageError,
    UnknownNameError,
    VerificationError,
)
from kakehashi.evaluate.datasets import (
    DataStore,
    FetchSettings,
    data_sets,
    licence_lines,
    pull_set,
    read_catalogue,
    set_rows,
    verify_set,
)
from kakehashi.evaluate.engine.lock import FolderLock

BODY = b"id,prompt\n" + b"".join(b"%d,harmless request %d\n" % (n, n) for n in range(3000))
SHA = hashlib.sha256(BODY).hexdigest()
FAST = FetchSettings(tries=3, pause=0.01, quiet=5.0)

CATALOGUE = """
format: kakehashi.data/1
sets:
  - name: pinned
    title: A set of ours
    licence: MIT
    terms: None.
    citation: Nobody (2026).
    harmful: false
    rows: 3000
    forms:
      - name: whole
        home: {url}
        revision: abc
        files:
          - {{path: a.csv, url: "{url}/up/a.csv", format: csv, mirror: sets/a.csv, sha256: {sha}, bytes: {size}}}
      - name: part
        home: {url}
        revision: abc
        files:
          - {{path: b.csv, url: "{url}/up/b.csv", format: csv, mirror: sets/b.csv, sha256: {sha}, bytes: {size}}}
  - name: loose
    title: A set that nobody pinned
    licence: MIT
    terms: None.
    citation: Nobody (2026).
    harmful: true
    rows: 3000
    forms:
      - name: only
        home: {url}
        revision: main
        files:
          - {{path: c.csv, url: "{url}/up/c.csv", format: csv, mirror: sets/c.csv, sha256: null, bytes: null}}
"""


@pytest.fixture
def server():
    with FileServer({"up/a.csv": BODY, "up/c.csv": BODY, "sets/b.csv": BODY}) as made:
        yield made


@pytest.fixture
def store(tmp_path, server):
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE.format(url=server.url, sha=SHA, size=len(BODY)))
    return DataStore(tmp_path / "data", read_catalogue(path))


def test_what_was_not_pulled_is_an_error_that_names_the_command(store):
    for ask in (lambda: store.file("pinned", "a.csv"), lambda: store.revision("pinned")):
        with pytest.raises(DataMissingError, match="kakehashi data pull pinned") as caught:
            ask()
        assert caught.value.exit_code == 3
        assert caught.value.facts()["data_set"] == "pinned"
    assert not store.is_here("pinned")
    with pytest.raises(UnknownNameError, match="Did you mean pinned"):
        store.file("pined", "a.csv")
    with pytest.raises(UnknownNameError, match="file of pinned"):
        store.file("pinned", "z.csv")


def test_a_pull_checks_the_hash_puts_the_file_in_place_and_is_then_a_no_op(store, server):
    done = pull_set(store, "pinned", settings=FAST)
    assert (done.form, done.files[0].sha256, done.files[0].pinned_by) == ("whole", SHA, "catalogue")
    assert store.file("pinned", "a.csv").read_bytes() == BODY
    # By hand: the digest of "a.csv", a unit separator, the hash and a line break.
    by_hand = hashlib.sha256(f"a.csv\x1f{SHA}\n".encode()).hexdigest()
    assert store.revision("pinned") == done.revision == f"sha256:{by_hand}"
    asked = len(server.seen)
    assert pull_set(store, "pinned", settings=FAST).files[0].source == "here already"
    assert len(server.seen) == asked
    assert sorted(p.name for p in (store.root / "pinned").iterdir()) == [".lock", "a.csv"]


def test_a_cut_download_goes_on_where_it_was(store, server):
    server.cut = [20_000]
    pull_set(store, "pinned", settings=FAST)
    assert [asked for _, _, asked in server.seen] == ["", "bytes=20000-"]
    assert store.file("pinned", "a.csv").read_bytes() == BODY


def test_a_download_cut_for_good_goes_on_at_the_next_call(store, server):
    server.cut = [10_000, 10_000, 10_000]
    with pytest.raises(EndpointUnreachableError, match="goes on where it was cut"):
        pull_set(store, "pinned", settings=FAST)
    assert not store.is_here("pinned")
    pull_set(store, "pinned", settings=FAST)
    assert server.seen[-1][2] == "bytes=30000-"
    assert store.file("pinned", "a.csv").read_bytes() == BODY


def test_a_file_that_changed_between_the_parts_is_fetched_from_the_beginning(store, server):
    server.cut = [10_000, 0, 0]
    with pytest.raises(EndpointUnreachableError):
        pull_set(store, "loose", settings=FAST)
    server.files["up/c.csv"] = changed = BODY.upper()
    pull_set(store, "loose", settings=FAST)
    assert store.file("loose", "c.csv").read_bytes() == changed


def test_without_a_strong_tag_a_cut_download_begins_again(store, server):
    server.etag, server.cut = False, [20_000]
    pull_set(store, "pinned", settings=FAST)
    assert [asked for _, _, asked in server.seen] == ["", ""]


def test_trouble_of_the_server_is_borne_with(store, server):
    server.statuses = [503, 429]
    pull_set(store, "pinned", settings=FAST)
    assert len(server.seen) == 3


@pytest.mark.parametrize("body", [BODY.upper(), BODY[:-1], BODY + b"x"])
def test_other_bytes_are_refused_and_nothing_of_them_is_kept(store, server, body):
    server.files["up/a.csv"] = body
    with pytest.raises(VerificationError, match="nothing was kept"):
        pull_set(store, "pinned", settings=FAST)
    assert [p.name for p in (store.root / "pinned").iterdir()] == [".lock"]


def test_a_file_that_moved_is_told_with_its_address(store, server):
    del server.files["up/a.csv"]
    with pytest.raises(EndpointError, match=r"/up/a\.csv is not there any more \(404\)") as caught:
        pull_set(store, "pinned", settings=FAST)
    assert "--mirror" in caught.value.hint
    assert len(server.seen) == 1  # a file that is gone is not asked for again


def test_a_redirect_to_another_host_is_shown_and_followed(store, server):
    server.files["elsewhere/a.csv"] = server.files.pop("up/a.csv")
    server.redirects["up/a.csv"] = f"http://localhost:{server.port}/elsewhere/a.csv"
    said = []
    pull_set(store, "pinned", settings=FAST, say=said.append)
    assert "127.0.0.1 redirects to another host: localhost" in said
    server.redirects["up/c.csv"] = "/up/c.csv"
    with pytest.raises(EndpointError, match="redirects more than"):
        pull_set(store, "loose", settings=FAST)


def test_a_mirror_folder_is_held_to_the_same_hash(store, server, tmp_path):
    mirror = tmp_path / "mirror"
    (mirror / "sets").mkdir(parents=True)
    with pytest.raises(InputError, match=r"the mirror has no sets/a\.csv"):
        pull_set(store, "pinned", mirror=mirror)
    (mirror / "sets" / "a.csv").write_bytes(BODY[:-5])
    with pytest.raises(VerificationError, match="the catalogue says"):
        pull_set(store, "pinned", mirror=mirror)
    (mirror / "sets" / "a.csv").write_bytes(BODY)
    assert pull_set(store, "pinned", mirror=mirror).form == "whole"
    assert server.seen == []


def test_a_mirror_gives_the_form_that_it_has_whole(store, server, tmp_path):
    mirror = tmp_path / "mirror"
    (mirror / "sets").mkdir(parents=True)
    (mirror / "sets" / "b.csv").write_bytes(BODY)
    assert pull_set(store, "pinned", mirror=mirror).form == "part"
    assert store.form("pinned").name == "part"
    by_address = DataStore(tmp_path / "other", store.sets)
    done = pull_set(by_address, "pinned", mirror=server.url, settings=FAST)
    assert (done.form, done.files[0].source) == ("part", f"{server.url}/sets/b.csv")
    with pytest.raises(InputError, match=r"the mirror has no sets/c\.csv") as caught:
        pull_set(by_address, "loose", mirror=server.url, settings=FAST)
    assert "without --mirror" in caught.value.hint
    with pytest.raises(InputError, match="no such folder"):
        pull_set(store, "pinned", mirror=tmp_path / "nowhere")


def test_what_a_mirror_has_is_told_for_folders_and_addresses(store, server, tmp_path):
    (tmp_path / "mirror" / "sets").mkdir(parents=True)
    (tmp_path / "mirror" / "sets" / "b.csv").write_bytes(BODY)
    whole = {"form": "part", "files": 1, "files_there": 1, "lacking": []}
    nothing = {"form": "only", "files": 1, "files_there": 0, "lacking": ["sets/c.csv"]}
    for place in (tmp_path / "mirror", server.url):
        assert [row["mirror"] for row in set_rows(store, place)] == [whole, nothing]
    assert {method for method, _, _ in server.seen} == {"HEAD"}
    assert "mirror" not in set_rows(store)[0]


def test_a_mirror_that_cannot_be_reached_is_not_told_to_be_empty(store):
    with pytest.raises(EndpointUnreachableError, match="the mirror cannot be reached"):
        set_rows(store, "http://127.0.0.1:9")


def test_half_a_copy_from_a_folder_is_not_left_where_the_disk_is_full(store, tmp_path, monkeypatch):
    (tmp_path / "mirror" / "sets").mkdir(parents=True)
    (tmp_path / "mirror" / "sets" / "a.csv").write_bytes(BODY)

    def half(source, target):
        Path(target).write_bytes(BODY[:100])
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", half)
    with pytest.raises(StorageError, match="no space left"):
        pull_set(store, "pinned", mirror=tmp_path / "mirror")
    assert [p.name for p in (store.root / "pinned").iterdir()] == [".lock"]


def test_bytes_that_nobody_pinned_are_pinned_by_the_first_pull_and_said_to_be(store, server):
    said = []
    done = pull_set(store, "loose", settings=FAST, say=said.append)
    assert done.files[0].pinned_by == "first-pull"
    assert any("nobody has checked these bytes here" in line and SHA in line for line in said)
    assert json.loads(store.pins_path.read_text())["sets"] == {"loose": {"c.csv": SHA}}
    store.file("loose", "c.csv").unlink()
    server.files["up/c.csv"] = changed = BODY.upper()
    with pytest.raises(VerificationError, match="--accept-new-hash"):
        pull_set(store, "loose", settings=FAST)
    assert not store.has("loose", "c.csv")
    before = json.loads(store.pins_path.read_text())
    assert before["sets"]["loose"]["c.csv"] == SHA
    pull_set(store, "loose", settings=FAST, accept_new_hash=True)
    assert store.file("loose", "c.csv").read_bytes() == changed
    server.files["up/a.csv"] = changed
    with pytest.raises(VerificationError):  # the catalogue's pin cannot be talked away
        pull_set(store, "pinned", settings=FAST, accept_new_hash=True)


def test_a_changed_file_is_never_read_and_verify_names_it(store):
    pull_set(store, "pinned", settings=FAST)
    assert verify_set(store, "pinned") == []
    path = store.file("pinned", "a.csv")
    path.write_bytes(BODY.replace(b"0", b"1"))
    with pytest.raises(VerificationError, match="kakehashi data pull pinned"):
        store.file("pinned", "a.csv")
    ((name, wrong),) = verify_set(store, "pinned")
    assert name == "a.csv"
    assert SHA in wrong
    pull_set(store, "pinned", settings=FAST)
    assert verify_set(store, "pinned") == []


def test_two_pulls_of_one_set_do_not_write_over_each_other(store):
    (store.root / "pinned").mkdir(parents=True)
    lock = FolderLock(store.root / "pinned" / ".lock", "data set")
    try:
        with pytest.raises(LockedError, match="in use by process"):
            pull_set(store, "pinned", settings=FAST)
    finally:
        lock.release()


def test_pins_of_several_writers_are_all_kept(store):
    threads = [
        threading.Thread(target=DataStore(store.root, store.sets).pin, args=(name, f"{name}-{n}", "0" * 64))
        for n in range(8)
        for name in ("pinned", "loose")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: len(files) for name, files in store.pins().items()} == {"pinned": 8, "loose": 8}


def test_damaged_pins_are_an_error_and_newer_ones_are_refused(store):
    pull_set(store, "loose", settings=FAST)
    store.pins_path.write_text("{")
    with pytest.raises(CorruptFileError):
        store.file("loose", "c.csv")
    store.pins_path.write_text('{"format": "kakehashi.data-pins/2", "sets": {}}')
    with pytest.raises(FormatVersionError):
        store.file("loose", "c.csv")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licence: MIT", "licence:", "states no licence"),
        ("format: kakehashi.data/1", "format: kakehashi.data/2", "is not one that this version reads"),
        ("path: a.csv", "path: ../a.csv", "would write to"),
        ("path: b.csv", "path: a.csv", "names a file twice"),
        ("format: csv", "format: xls", "unknown format of"),
        ("revision: abc", "rev: abc", "is not described whole"),
        ("name: loose", "name: pinned", "two sets bear one name"),
    ],
)
def test_a_catalogue_that_is_not_whole_is_refused(tmp_path, old, new, message):
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE.format(url="http://127.0.0.1:9", sha=SHA, size=1).replace(old, new))
    with pytest.raises((InputError, UnknownNameError), match=message):
        read_catalogue(path)


def test_licence_terms_and_unchecked_hashes_are_shown_before_a_pull(store):
    shown = "\n".join(licence_lines(store.set("loose")))
    assert "licence: MIT" in shown
    assert "harmful content" in shown
    assert "1 of 1 files have no hash in the catalogue" in shown
    rows = {row["name"]: row for row in set_rows(store)}
    assert rows["pinned"]["hashes"] == "catalogue"
    assert rows["loose"]["hashes"] == "0 of 1 in the catalogue, others at first pull"


def test_every_shipped_set_has_a_licence_a_revision_and_encrypted_addresses():
    named = {one.name for one in data_sets()}
    assert named == {
        *("harmbench", "simplesafetytests", "xstest", "bbq", "anthropic-red-team", "air-bench-2024"),
        *("facts-grounding", "strongreject", "do-not-answer", "jailbreakbench", "joint-testing", "aisev-ja"),
        *("mmlu", "hellaswag", "humaneval", "helm-safety", "facts-grounding-v2-prompts", "aisev-gsn"),
    }
    for one in data_sets():
        for form in one.forms:
            assert form.revision
            for file in form.files:
                assert file.url.startswith("https://")
                assert (file.sha256 is None) or len(file.sha256) == 64


def test_the_mirror_holds_what_the_catalogue_pins(shared, tmp_path):
    store = DataStore(tmp_path)
    here = ("harmbench", "simplesafetytests", "xstest", "bbq", "air-bench-2024", "strongreject")
    for name in (*here, "joint-testing", "aisev-ja"):
        pull_set(store, name, mirror=shared / "suites")
    assert store.form("bbq").name == "moonshot"
    assert store.form("air-bench-2024").name == "sample"
    with pytest.raises(InputError, match=r"facts/examples\.csv"):
        pull_set(store, "facts-grounding", mirror=shared / "suites")
    assert store.file("facts-grounding", "evaluation_prompts.csv").is_file()
