"""Verification: is every byte what the log says, and is the log what it was?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kakehashi.errors import InputError, KakehashiError, StorageError, VerificationError
from kakehashi.ledger.against import Reference, read_reference
from kakehashi.ledger.files import digest_of, read_bytes
from kakehashi.ledger.layout import Layout, read_about
from kakehashi.ledger.log import split_log
from kakehashi.ledger.records import Record, check_record, read_record
from kakehashi.proof import Frontier, TreeHead, VerifierKey


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: ``changed``, ``missing``, ``unreadable``, ``log``, ``not-purged``, ``rewritten``, ``truncated``,
            ``signature``.
        path: The file it is about, relative to the ledger.
        expected: What should be there.
        found: What is there.
    """

    kind: str
    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        path: The ledger's folder.
        head: Size and root of the log as it is; None where the log cannot be read.
        against: What it was held against, or None.
        findings: Everything that is wrong; empty when all is well.
        notes: What a reader should know though nothing is wrong (texts left out, files that no record names).
        checked: How many records, item files and packs of texts were read.
    """

    path: str
    head: TreeHead | None
    against: str | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    checked: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_json(self) -> dict[str, object]:
        """The report as ``--json`` prints it."""
        return {
            "ok": self.ok,
            "path": self.path,
            "ledger": None if self.head is None else self.head.as_json(),
            "against": self.against,
            "findings": [
                {"kind": f.kind, "path": f.path, "expected": f.expected, "found": f.found}
                for f in self.findings
            ],
            "notes": list(self.notes),
            "checked": dict(self.checked),
        }

    def raise_if_bad(self) -> None:
        """Raise what was found.

        Raises:
            VerificationError: Something is wrong; the message names the first findings.
        """
        if self.findings:
            more = f" (and {len(self.findings) - 3} more)" if len(self.findings) > 3 else ""
            raise VerificationError(
                f"the ledger {self.path} does not verify: {'; '.join(map(str, self.findings[:3]))}{more}",
                hint="Fetch the named files from a copy of the ledger; do not build on this one.",
            )


def verify_ledger(
    path: Path | str, against: object = None, *, keys: tuple[VerifierKey, ...] = ()
) -> VerifyReport:
    """Check a ledger's bytes and log and, if asked, that an earlier state is its beginning.

    Without ``against`` this finds changed, damaged and missing bytes. It **cannot** find that the whole
    ledger was rewritten, or that its last records were cut off, by somebody who made everything fit again:
    that takes a root kept elsewhere, which every report prints.

    Args:
        path: The ledger's folder.
        against: A :class:`~kakehashi.proof.TreeHead`, its text (``size=12 root=…``), a bare root in
            hexadecimal, a checkpoint, or the path of a report (HTML or JSON) or checkpoint file.
        keys: Whoever must have signed the checkpoint; none means that signatures are not looked at.

    Raises:
        InputError: ``against`` is none of these.
        StorageError: There is no ledger.
    """
    layout = Layout(Path(path))
    reference = None if against is None else read_reference(against)
    if not layout.root.is_dir() or not (layout.about.exists() or layout.log.exists()):
        raise StorageError("there is no ledger here", path=path, hint="Check --workspace.")
    findings: list[Finding] = []
    notes: list[str] = []
    findings += _check_about(layout, notes)
    ids, log_findings = _read_log(layout)
    findings += log_findings
    records = []
    for position, record_id in enumerate(ids):
        record, finding = _check_record(layout, record_id, position)
        if finding is not None:
            findings.append(finding)
        if record is not None:
            records.append(record)
    counts = {"records": len(ids), "items": 0, "texts": 0}
    findings += _check_files(layout, records, counts, notes)
    findings += _check_targets(layout, records, set(ids))
    notes += _unlisted(layout, ids, records)
    head = None if log_findings else TreeHead(len(ids), _root(ids))
    if reference is not None:
        findings += _check_against(reference, ids, keys, notes)
    return VerifyReport(
        str(path),
        head,
        None if reference is None else str(reference),
        tuple(findings),
        tuple(notes),
        counts,
    )


def _root(ids: list[str]) -> str:
    return Frontier(map(bytes.fromhex, ids)).root().hex()


def _check_about(layout: Layout, notes: list[str]) -> Iterator[Finding]:
    try:
        about = read_about(layout)
    except KakehashiError as error:
        yield Finding("changed", "ledger.json", "the file as it was written", error.message)
        return
    if not layout.salt.is_file():
        if about.salt_sha256:
            yield Finding("missing", "salt", f"SHA-256 {about.salt_sha256}", "no file")
        else:
            notes.append("this copy has no salt: salted hashes cannot be recomputed from texts")
    elif (found := sha256(read_bytes(layout.salt)).hexdigest()) != about.salt_sha256:
        yield Finding("changed", "salt", f"SHA-256 {about.salt_sha256}", f"SHA-256 {found}")


def _read_log(layout: Layout) -> tuple[list[str], list[Finding]]:
    if not layout.log.is_file():
        return [], [Finding("missing", "log", "the list of record ids", "no file")]
    lines, rest = split_log(read_bytes(layout.log))
    ids: list[str] = []
    findings: list[Finding] = []
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        text = line.decode("ascii", "replace")
        if len(text) != 64 or set(text) - set("0123456789abcdef"):
            findings.append(Finding("log", f"log:{number}", "a record id", repr(text[:70])))
        elif text in first:
            findings.append(
                Finding(
                    "log", f"log:{number}", "a record id not seen before", f"the id of line {first[text]}"
                )
            )
        else:
            first[text] = number
            ids.append(text)
    if rest:
        shown = repr(rest[:70].decode("ascii", "replace"))
        findings.append(Finding("log", f"log:{len(lines) + 1}", "a whole line", f"half a line, {shown}"))
    return ids, findings


def _check_record(layout: Layout, record_id: str, position: int) -> tuple[Record | None, Finding | None]:
    path = layout.record(record_id)
    place = _relative(layout, path)
    if not path.is_file():
        return None, Finding("missing", place, f"SHA-256 {record_id}", "no file")
    try:
        data = read_bytes(path)
        found = sha256(data).hexdigest()
        if found != record_id:
            return None, Finding(
                "changed", place, f"SHA-256 {record_id}", f"SHA-256 {found} ({len(data)} bytes)"
            )
        record = read_record(data, record_id, position, path)
        check_record(record.body)
    except KakehashiError as error:
        return None, Finding("unreadable", place, "a record of kakehashi.record/1", error.message)
    return record, None


def _check_files(
    layout: Layout, records: list[Record], counts: dict[str, int], notes: list[str]
) -> Iterator[Finding]:
    purged = {(r.text("target"), r.text("purged")) for r in records if r.kind == "tombstone"}
    needed = {
        _digest(r, "texts")
        for r in records
        if _digest(r, "texts") and (r.id, _digest(r, "texts")) not in purged
    }
    absent = 0
    for digest in dict.fromkeys(d for r in records if (d := _digest(r, "items"))):
        counts["items"] += 1
        yield from _check_digest(layout, layout.items(digest), digest)
    for digest in dict.fromkeys(d for r in records if (d := _digest(r, "texts"))):
        path = layout.blob(digest)
        if digest not in needed:
            if path.exists():
                yield Finding(
                    "not-purged", _relative(layout, path), "no file, its texts were purged", "a file"
                )
        elif path.exists():
            counts["texts"] += 1
            yield from _check_digest(layout, path, digest)
        else:
            absent += 1
    if absent:
        notes.append(f"the texts of {absent} records are not in this copy")


def _check_digest(layout: Layout, path: Path, digest: str) -> Iterator[Finding]:
    place = _relative(layout, path)
    if not path.is_file():
        yield Finding("missing", place, f"SHA-256 {digest}", "no file")
    elif (found := digest_of(path)) != digest:
        yield Finding("changed", place, f"SHA-256 {digest}", f"SHA-256 {found} ({path.stat().st_size} bytes)")


def _check_targets(layout: Layout, records: list[Record], known: set[str]) -> Iterator[Finding]:
    for record in records:
        for key in ("target", "by"):
            target = record.text(key)
            if target and target not in known:
                yield Finding(
                    "missing",
                    _relative(layout, layout.record(record.id)),
                    f"its {key} {target} in the log",
                    "no line",
                )


def _unlisted(layout: Layout, ids: list[str], records: list[Record]) -> list[str]:
    named = {layout.record(i) for i in ids}
    named |= {layout.items(d) for r in records if (d := _digest(r, "items"))}
    named |= {layout.blob(d) for r in records if (d := _digest(r, "texts"))}
    if len(records) < len(ids):
        return []  # what damaged records name is not known
    found = sorted(
        _relative(layout, path)
        for folder in ("records", "items", "blobs")
        for path in (layout.root / folder).rglob("*")
        if path.is_file() and path not in named
    )
    if not found:
        return []
    shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
    return [f"{len(found)} files that no record names, left by a crash or put there: {shown}"]


def _check_against(
    reference: Reference, ids: list[str], keys: tuple[VerifierKey, ...], notes: list[str]
) -> Iterator[Finding]:
    if keys and reference.checkpoint is None:
        raise InputError(f"{reference} is not a checkpoint and bears no signature to check")
    if reference.checkpoint is not None:
        if keys:
            try:
                signers = reference.checkpoint.verified_by(keys)
                notes.append(f"the checkpoint is signed by {', '.join(signers)}")
            except VerificationError as error:
                yield Finding("signature", str(reference), "a signature by a given key", error.message)
        else:
            notes.append("signatures under the checkpoint were not looked at (no key was given)")
    if reference.size is None:
        if _size_of_root(ids, reference.root_hex) is None:
            yield Finding(
                "rewritten",
                "log",
                f"a beginning with root {reference.root_hex}",
                f"none among {len(ids)} records",
            )
    elif len(ids) < reference.size:
        yield Finding("truncated", "log", f"at least {reference.size} records", f"{len(ids)} records")
    elif (found := _root(ids[: reference.size])) != reference.root_hex:
        yield Finding(
            "rewritten", "log", f"root {reference.root_hex} at size {reference.size}", f"root {found}"
        )


def _size_of_root(ids: list[str], root_hex: str) -> int | None:
    edge = Frontier()
    if edge.root().hex() == root_hex:
        return 0
    for record_id in ids:
        edge.add(bytes.fromhex(record_id))
        if edge.root().hex() == root_hex:
            return edge.size
    return None


def _digest(record: Record, key: str) -> str:
    value = record.body.get(key)
    return str(value["sha256"]) if isinstance(value, Mapping) else ""


def _relative(layout: Layout, path: Path) -> str:
    return path.relative_to(layout.root).as_posix()
