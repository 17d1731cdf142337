"""A pack of evidence: the same bytes each time, every changed byte found, checked without Kakehashi."""

import io
import subprocess
import sys
import zipfile
from contextlib import suppress
from hashlib import sha256

import pytest
from evidence_places import SHIPPED, add, add_run, with_node

from kakehashi.errors import InputError, UsageError
from kakehashi.exchange import make
from kakehashi.proof import SigningKey
from kakehashi.report.evidence import pack_pages
from kakehashi.work.evidence import Source, add_reply, retract_evidence
from kakehashi.work.evidence_pack import FOLDER, _archive, gather_pack, verify_pack, write_pack
from kakehashi.work.pack_readme import SCRIPT, readme
from kakehashi.work.workspace import Workspace

KEY = SigningKey("auditee", bytes(range(32)))
OTHER = SigningKey("auditee", bytes(32))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Workspace(tmp_path_factory.mktemp("pack"))
    add_run(place, "run-abc", 0.75)
    paper = place.path / "a paper.txt"
    paper.write_text("framework\n", encoding="utf-8")
    node = with_node(place)
    finding = make("vulnerability", name="x", level="clear")
    node.store.post(node.me(), node.collection("findings").id, [finding])
    first = add(place, source=Source(document=paper))
    add(place, source=Source(run="run-abc"))
    add(place, source=Source(exchange=finding["id"]))
    add(place, organization="google", marking="amber")
    add_reply(place, first[:8], date="2026-11-24", author="me", text={"en": "yes", "ja": "はい"})
    retract_evidence(place, add(place, date="2026-11-19")[:8], reason="wrong", author="me")
    node.store.close()
    return place


def build(place, path, key=KEY, **options):
    content = gather_pack(SHIPPED, place, **options)
    head = content.checkpoint.head
    pages = pack_pages(SHIPPED, content.book.entries, content.places, size=head.size, root=head.root_hex)
    write_pack(path, content, pages, key)
    return content


@pytest.fixture(scope="module")
def pack(place, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "pack.zip"
    build(place, path)
    return path


def members(pack):
    with zipfile.ZipFile(pack) as archive:
        return {name.removeprefix(f"{FOLDER}/"): archive.read(name) for name in archive.namelist()}


def test_the_same_evidence_and_key_give_the_same_bytes(place, pack, tmp_path):
    build(place, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()
    found = verify_pack(pack, key=KEY.verifier)
    assert (found.findings, found.known, found.signer) == ((), True, str(KEY.verifier))


def test_it_holds_what_an_auditor_needs(pack):
    files = members(pack)
    assert {"README.txt", "index.html", "index.txt", "SHA256SUMS", "SHA256SUMS.sig", "checkpoint.txt"} <= set(
        files
    )
    (document,) = [name for name in files if name.startswith("evidence/")]
    assert files[document] == b"framework\n"
    assert document.endswith("-a_paper.txt")
    (finding,) = [name for name in files if name.startswith("exchange/")]
    assert b'"vulnerability"' in files[finding]
    records = [name for name in files if name.startswith("records/")]
    assert len(records) == 6  # three pieces of evidence, a reply, the run and its result
    for language in ("はい", "yes", "優劣の評価ではない", "not a grade of virtue", document):
        assert language in files["index.html"].decode()
    assert b"google" not in b"".join(files.values()).lower()  # marked AMBER


def test_more_is_packed_for_readers_who_may_see_more(place, tmp_path):
    assert len(build(place, tmp_path / "a.zip", clearance="amber").book.entries) == 4
    assert (
        len(build(place, tmp_path / "b.zip", clearance="amber", organizations=["google"]).book.entries) == 1
    )
    with pytest.raises(UsageError):
        build(place, tmp_path / "c.zip", organizations=["google"])
    with pytest.raises(UsageError):
        build(place, tmp_path / "c.zip", instruments=["eu-gpai"])
    assert not (tmp_path / "c.zip").exists()


def test_an_auditor_checks_it_without_kakehashi(pack, tmp_path):
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / FOLDER
    said = (folder / "README.txt").read_text(encoding="utf-8").split("----8<----\n")
    assert said[1] == SCRIPT
    assert SCRIPT.count("\n") <= 20
    (folder / "check.py").write_text(said[1], encoding="utf-8")

    def run(*words):
        return subprocess.run(words, cwd=folder, capture_output=True, check=False)

    assert run(sys.executable, "-I", "check.py").returncode == 0
    sums = run("sha256sum", "-c", "SHA256SUMS")
    assert sums.returncode == 0
    assert sums.stdout.count(b": OK") == len(members(pack)) - 2
    command = "openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig"
    assert command in readme(9)
    assert run(*command.split()).returncode == 0
    record = next((folder / "records").iterdir())
    record.write_bytes(record.read_bytes().replace(b'"', b"'", 1))
    assert run(sys.executable, "-I", "check.py").returncode == 1
    assert run("sha256sum", "-c", "SHA256SUMS").returncode == 1


def test_the_plain_instructions_find_each_file_that_was_changed_removed_or_added(pack, tmp_path):
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / FOLDER
    said = (folder / "README.txt").read_text(encoding="utf-8")
    hashes, count, signed = (
        next(line.strip().partition("  ")[0] for line in said.splitlines() if line.strip().startswith(word))
        for word in ("sha256sum", "find", "openssl")
    )

    def run(command):
        return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=False)

    files = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    assert run(count).stdout.split() == [str(len(files)).encode()]
    assert f"({len(files)};" in said
    list_, signature = folder / "SHA256SUMS", folder / "SHA256SUMS.sig"
    for path, data in files.items():
        path.write_bytes(data[:9] + bytes([data[9] ^ 1]) + data[10:])
        assert run(signed if path == signature else hashes).returncode != 0, path
        if path not in (list_, signature):  # who changes the list as well breaks the signature over it
            old, new = (f"{sha256(each).hexdigest()}  ".encode() for each in (data, path.read_bytes()))
            list_.write_bytes(files[list_].replace(old, new))
            assert (run(hashes).returncode, run(signed).returncode != 0) == (0, True), path
            list_.write_bytes(files[list_])
        path.unlink()
        assert run(signed if path == signature else hashes).returncode != 0, path
        path.write_bytes(data)
    assert (run(hashes).returncode, run(signed).returncode) == (0, 0)
    (folder / "evidence" / "added.txt").write_bytes(b"x")
    assert run(count).stdout.split() == [str(len(files) + 1).encode()]


def test_every_changed_byte_is_found(pack, tmp_path):
    data, path = pack.read_bytes(), tmp_path / "changed.zip"
    step = max(1, len(data) // 150)
    for place in (*range(0, len(data), step), len(data) - 1, len(data) - 20):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with suppress(InputError):  # no archive any more: found as well
            assert verify_pack(path).findings, f"byte {place}"
    path.write_bytes(data + b"\0")
    assert verify_pack(path).findings
    path.write_bytes(data[:-1])
    with pytest.raises(InputError):
        verify_pack(path)


def rebuilt(files, path):
    path.write_bytes(_archive(files))
    return path


def test_a_forged_pack_is_found(pack, tmp_path):
    """Each forgery is a whole archive with right hashes: only signature and proofs can tell."""
    files = members(pack)

    def signed(changed, key=KEY):
        changed = {k: v for k, v in changed.items() if not k.startswith("SHA256SUMS")}
        sums = "".join(f"{sha256(changed[k]).hexdigest()}  {k}\n" for k in sorted(changed)).encode()
        return {**changed, "SHA256SUMS": sums, "SHA256SUMS.sig": key.sign(sums)}

    path = tmp_path / "forged.zip"
    assert verify_pack(rebuilt(signed(files), path)).findings == ()
    record = next(name for name in files if name.startswith("records/"))
    other = sha256(b"{}").hexdigest()
    proof = files[record.replace("records", "proofs")].replace(record[8:72].encode(), other.encode())
    for changed, said in (
        ({**files, "extra.txt": b"x"}, "not among the files"),
        ({k: v for k, v in files.items() if not k.startswith("evidence/")}, "is missing"),
        (signed({**files, record: b"{}"}), "its bytes are not those"),
        (signed({**files, f"records/{other}.json": b"{}", f"proofs/{other}.json": proof}), "does not show"),
        (
            signed({k: v for k, v in files.items() if k != record.replace("records", "proofs")}),
            "has no proof",
        ),
        (signed(files, OTHER), "is not auditee's"),
        ({k: v for k, v in files.items() if k != "SHA256SUMS.sig"}, "is missing"),
    ):
        found = verify_pack(rebuilt(changed, path))
        assert any(said in one.what for one in found.findings), said
    assert verify_pack(pack, key=OTHER.verifier).known is False
    assert verify_pack(pack, key=OTHER.verifier).findings


@pytest.mark.parametrize(
    "name",
    [
        "../up.txt",
        "/etc/x",
        "evidence-pack/../../x",
        "evidence-pack\\x",
        "other/x",
        "evidence-pack/a/./b",
        "C:/x",
    ],
)
def test_names_that_lead_elsewhere_are_refused_before_anything_is_read(tmp_path, name):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"x")
    path = tmp_path / "bad.zip"
    path.write_bytes(out.getvalue())
    with pytest.raises(InputError) as raised:
        verify_pack(path)
    assert "leads elsewhere" in str(raised.value)


def test_links_and_bombs_are_refused(tmp_path):
    path = tmp_path / "bad.zip"
    link = zipfile.ZipInfo(f"{FOLDER}/link")
    link.external_attr = 0o120777 << 16
    for info, data, method, said in (
        (link, b"/etc/passwd", zipfile.ZIP_STORED, "leads elsewhere"),
        (zipfile.ZipInfo(f"{FOLDER}/big"), bytes(1 << 20), zipfile.ZIP_DEFLATED, "compressed"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(info, data, compress_type=method)
        with pytest.raises(InputError) as raised:
            verify_pack(path)
        assert said in str(raised.value)
    path.write_bytes(b"PK no")
    with pytest.raises(InputError):
        verify_pack(path)
    with pytest.raises(InputError):
        verify_pack(tmp_path / "nowhere.zip")
