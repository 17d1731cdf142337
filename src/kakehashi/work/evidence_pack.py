"""A pack of evidence: one signed archive that an auditor reads and checks without Kakehashi."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from kakehashi.commitments import Catalog
from kakehashi.commitments.evidence import Evidence, EvidenceBook
from kakehashi.commitments.plain import as_plain
from kakehashi.errors import InputError, UsageError
from kakehashi.ledger import Ledger
from kakehashi.ledger.files import read_bytes, write_whole
from kakehashi.proof import Checkpoint, SigningKey, VerifierKey, inclusion_proofs, verify_inclusion
from kakehashi.work.evidence import load_evidence, stored_object
from kakehashi.work.pack_readme import readme
from kakehashi.work.workspace import Workspace

FORMAT = "kakehashi.evidence-pack/1"
FOLDER = "evidence-pack"
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
#: Most bytes and members of a pack that is read.
LARGEST, MOST = 1 << 30, 100_000


@dataclass(frozen=True, slots=True)
class PackContent:
    """What goes into a pack.

    Attributes:
        book: The evidence, narrowed to what was asked for.
        files: Name → bytes of documents, objects and records.
        places: Id of evidence → name of the file that it links to.
        proofs: Id of a record → where it stands in the ledger and the hashes that show it.
        checkpoint: State of the ledger, unsigned.
        clearance: TLP level up to which is in it.
        date: Day of the latest record that is in it.
    """

    book: EvidenceBook
    files: Mapping[str, bytes]
    places: Mapping[str, str]
    proofs: Mapping[str, Mapping[str, Any]]
    checkpoint: Checkpoint
    clearance: str
    date: str


@dataclass(frozen=True, slots=True)
class PackFinding:
    """Something that is wrong with a pack, and in which of its files."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class PackReport:
    """What a check of a pack found.

    Attributes:
        signer: The key in the pack, as text.
        known: Whether it is the key that was expected; ``None`` where none was.
        files: Number of files.
        records: Number of records.
        findings: What is wrong; empty where nothing is.
    """

    signer: str
    known: bool | None
    files: int
    records: int
    findings: tuple[PackFinding, ...]


def gather_pack(
    catalog: Catalog,
    place: Workspace,
    *,
    organizations: Sequence[str] = (),
    instruments: Sequence[str] = (),
    clearance: str = "clear",
) -> PackContent:
    """Gather what goes into a pack: evidence, replies, documents, records and proofs.

    Item rows and texts stay in the ledger.

    Args:
        catalog: Organizations and instruments.
        place: The workspace.
        organizations: Whose evidence; everybody's by default.
        instruments: Of which instruments; all by default.
        clearance: TLP level up to which is packed.

    Raises:
        UnknownNameError: No such organization, instrument or marking.
        UsageError: There is no such evidence.
    """
    whose = {catalog.organization(one).id for one in organizations}
    texts = {catalog.instrument(one).id for one in instruments}
    book = load_evidence(place, clearance=clearance)
    chosen = tuple(
        e
        for e in book.entries
        if (not whose or e.organization in whose)
        and (not texts or any(catalog.owner(name) in texts for name in e.provisions))
    )
    if not chosen:
        raise UsageError(
            f"there is no evidence to pack up to TLP:{clearance.upper()}",
            hint="See: kakehashi commitments evidence list",
        )
    files: dict[str, bytes] = {}
    places: dict[str, str] = {}
    for entry in chosen:
        made = _linked(place, entry)
        if made is not None:
            places[entry.id], files[made[0]] = made
    with Ledger.open(place.ledger) as ledger:
        ids, proofs = _records(ledger, chosen)
        for name in ids:
            files[f"records/{name}.json"] = read_bytes(ledger.layout.record(name))
        checkpoint = ledger.checkpoint()
        dates = [ledger.get(name).text("created")[:10] for name in ids]
    return PackContent(
        replace(book, entries=chosen), files, places, proofs, checkpoint, clearance, max(dates)
    )


def write_pack(path: Path, content: PackContent, pages: Mapping[str, bytes], key: SigningKey) -> str:
    """Write a pack; the same content, pages and key give the same bytes.

    Args:
        path: Where it goes.
        content: What goes into it.
        pages: Its index: name → bytes.
        key: Who signs.

    Returns:
        SHA-256 of the archive.
    """
    files = dict(content.files) | dict(pages)
    for name, proof in content.proofs.items():
        files[f"proofs/{name}.json"] = _json(proof)
    files["checkpoint.txt"] = content.checkpoint.signed_by(key).text().encode()
    files["signer.pub"] = f"{key.verifier}\n".encode()
    files["signer.pem"] = _pem(key.verifier)
    files["manifest.json"] = _json(
        {
            "format": FORMAT,
            "date": content.date,
            "clearance": content.clearance,
            "ledger": content.checkpoint.head.as_json(),
            "signer": str(key.verifier),
            "withdrawn": content.book.withdrawn,
            "evidence": [
                {**as_plain(entry), "file": content.places.get(entry.id)} for entry in content.book.entries
            ],
        }
    )
    files["README.txt"] = readme(len(files) + len(("README.txt", SUMS, SIGNATURE))).encode()
    sums = "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()
    data = _archive({**files, SUMS: sums, SIGNATURE: key.sign(sums)})
    write_whole(path, data)
    return sha256(data).hexdigest()


def verify_pack(path: Path, *, key: VerifierKey | None = None) -> PackReport:
    """Check a pack: every byte of it, the signature, and that each record is in the ledger of the checkpoint.

    Nothing is unpacked to the disk.

    Args:
        path: The archive.
        key: The signer's key as got from the signer; without it only the key in the pack is used, which shows that
            nothing was changed since somebody signed, not who.

    Raises:
        InputError: It is no archive, or one that must not be opened: too large, names that lead elsewhere.
    """
    data = _read(path)
    files, findings = _members(data, path)
    if _archive(files) != data:
        findings.append(PackFinding("archive", "its bytes are not those that its files give"))
    missing = [name for name in (SUMS, SIGNATURE, "signer.pub", "checkpoint.txt") if name not in files]
    findings += [PackFinding(name, "is missing") for name in missing]
    if missing:
        return PackReport("", None, len(files), 0, tuple(findings))
    findings += _check_sums(files)
    signer, more = _check_signature(files)
    records, proofs = _check_records(files)
    findings += [*more, *proofs]
    known = None if key is None or signer is None else signer == key
    if known is False:
        findings.append(PackFinding("signer.pub", "is not the key that was expected"))
    return PackReport(str(signer or ""), known, len(files), records, tuple(findings))


def _linked(place: Workspace, entry: Evidence) -> tuple[str, bytes] | None:
    link = entry.link
    if link is None or entry.gone is not None:
        return None
    if link.type == "document":
        safe = re.sub(r"[^\w.-]+", "_", link.ref).lstrip(".") or "document"
        return f"evidence/{link.sha256[:16]}-{safe[-80:]}", read_bytes(place.documents / link.sha256)
    if link.type == "exchange":
        data = stored_object(place, link.ref)
        return None if data is None else (f"exchange/{link.ref}.json", data)
    return None


def _records(ledger: Ledger, chosen: Sequence[Evidence]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Ids of the records that belong to the evidence, and the proof of each."""
    everything = ledger.records(include_hidden=True)
    runs = {e.link.ref for e in chosen if e.link is not None and e.link.type == "run"}
    heads = {e.link.sha256 for e in chosen if e.link is not None and e.link.type == "run"}
    wanted = {e.id for e in chosen} | {r.id for e in chosen for r in e.replies} | heads
    wanted |= {r.id for r in everything if r.kind == "result" and r.text("run") in runs}
    for record in everything:  # what hides them stands later in the log, so one pass is enough
        if record.kind in ("retract", "supersede") and record.text("target") in wanted:
            wanted.add(record.id)
    entries = [bytes.fromhex(record.id) for record in everything]
    inside = [record for record in everything if record.id in wanted]
    steps = inclusion_proofs(entries, [record.position for record in inside])
    root = ledger.root().root_hex
    proofs = {
        record.id: {
            "record": record.id,
            "index": record.position,
            "size": len(entries),
            "root": root,
            "proof": [step.hex() for step in steps[record.position]],
        }
        for record in inside
    }
    return list(proofs), proofs


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            about = zipfile.ZipInfo(f"{FOLDER}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            about.create_system, about.external_attr = 3, 0o100644 << 16
            archive.writestr(about, files[name])
    return out.getvalue()


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InputError("no such pack", path=path)
    if path.stat().st_size > LARGEST:
        raise InputError(f"larger than {LARGEST >> 20} MiB", path=path)
    return read_bytes(path)


def _members(data: bytes, path: Path) -> tuple[dict[str, bytes], list[PackFinding]]:
    files: dict[str, bytes] = {}
    findings = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MOST or sum(info.file_size for info in infos) > LARGEST:
                raise InputError("holds more than a pack may", path=path)
            for info in infos:
                name = _safe_name(info, path)
                if name in files:
                    raise InputError(f"holds {name} twice", path=path)
                try:
                    files[name] = archive.read(info)
                except (zipfile.BadZipFile, EOFError, OSError) as error:
                    files[name] = b""
                    findings.append(PackFinding(name, f"cannot be read: {error}"))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"not a pack, or a damaged one: {error}", path=path) from None
    return files, findings


def _safe_name(info: zipfile.ZipInfo, path: Path) -> str:
    """The name of a member below the pack's folder; what leads elsewhere is refused before anything is read."""
    said = info.orig_filename
    parts = PurePosixPath(said).parts
    kind = (info.external_attr >> 16) & 0o170000
    if (
        "\\" in said
        or "\x00" in said
        or ":" in said
        or said.startswith("/")
        or said != "/".join(parts)
        or ".." in parts
        or len(parts) < 2
        or parts[0] != FOLDER
        or kind not in (0, 0o100000)
    ):
        raise InputError(
            f"holds a name that leads elsewhere: {said[:80]!r}", path=path, hint="Do not unpack it."
        )
    if info.flag_bits & 1 or info.compress_type != zipfile.ZIP_STORED:
        raise InputError(f"{said[:80]!r} is compressed or encrypted; a pack's files are neither", path=path)
    return "/".join(parts[1:])


def _check_sums(files: Mapping[str, bytes]) -> list[PackFinding]:
    found = []
    listed: dict[str, str] = {}
    for number, line in enumerate(files[SUMS].decode("utf-8", "replace").splitlines(), 1):
        match = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
        if match is None:
            found.append(PackFinding(SUMS, f"line {number} is not a hash and a name"))
            continue
        listed[match[2]] = match[1]
    for name, data in files.items():
        if name in (SUMS, SIGNATURE):
            continue
        if name not in listed:
            found.append(PackFinding(name, "is not among the files that were signed"))
        elif sha256(data).hexdigest() != listed[name]:
            found.append(PackFinding(name, "is not the file that was signed"))
    found += [PackFinding(name, "was signed and is missing") for name in listed if name not in files]
    return found


def _check_signature(files: Mapping[str, bytes]) -> tuple[VerifierKey | None, list[PackFinding]]:
    try:
        key = VerifierKey.parse(files["signer.pub"].decode("ascii"))
    except (InputError, UnicodeDecodeError):
        return None, [PackFinding("signer.pub", "is no key")]
    found = []
    if not key.verifies(files[SIGNATURE], files[SUMS]):
        found.append(PackFinding(SIGNATURE, f"is not {key.name}'s over {SUMS}"))
    if files.get("signer.pem") != _pem(key):
        found.append(PackFinding("signer.pem", "is another key than signer.pub"))
    return key, found


def _check_records(files: Mapping[str, bytes]) -> tuple[int, list[PackFinding]]:
    try:
        checkpoint = Checkpoint.parse(files["checkpoint.txt"].decode())
    except (InputError, UnicodeDecodeError) as error:
        return 0, [PackFinding("checkpoint.txt", str(error).splitlines()[0])]
    root, found, count = bytes.fromhex(checkpoint.head.root_hex), [], 0
    names = {n.removeprefix("records/").removesuffix(".json") for n in files if n.startswith("records/")}
    proved = {n.removeprefix("proofs/").removesuffix(".json") for n in files if n.startswith("proofs/")}
    found += [PackFinding(f"records/{n}.json", "has no proof") for n in sorted(names - proved)]
    found += [PackFinding(f"proofs/{n}.json", "proves no record") for n in sorted(proved - names)]
    for name in sorted(names & proved):
        count += 1
        if sha256(files[f"records/{name}.json"]).hexdigest() != name:
            found.append(PackFinding(f"records/{name}.json", "its bytes are not those that its name says"))
            continue
        try:
            proof = json.loads(files[f"proofs/{name}.json"])
            steps = [bytes.fromhex(step) for step in proof["proof"]]
            good = proof["size"] == checkpoint.head.size and verify_inclusion(
                bytes.fromhex(name), int(proof["index"]), int(proof["size"]), steps, root
            )
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            found.append(PackFinding(f"proofs/{name}.json", "does not show the record in the ledger"))
    return count, found


def _pem(key: VerifierKey) -> bytes:
    """The public key in the form that openssl reads: an Ed25519 SubjectPublicKeyInfo (RFC 8410)."""
    body = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + key.public).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode()


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()
