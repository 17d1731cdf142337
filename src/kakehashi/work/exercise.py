"""Joint exercises between institutes, by files alone: the protocol, who takes part, and what a site keeps.

    FOLDER/protocol.json             signed by who organizes: systems, methods, revisions, languages, seed, judges,
                                     plan for human labels, embargo, deadline
    FOLDER/NAME.join.json            signed by each site: takes part, with its key; commits to private items
    FOLDER/NAME.submission.json      signed by each site: results without texts
    FOLDER/NAME.opening.json         signed by a site, later: its private items, where it shows them
    FOLDER/received.json             what whoever combines has seen, and when

Each site has the folder or a copy of it; what is sent is single files, by whatever way.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kakehashi.compare.replication import MARGIN
from kakehashi.errors import InputError, UsageError, VerificationError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.ledger import now_utc
from kakehashi.ledger.files import write_whole
from kakehashi.proof import SigningKey, VerifierKey
from kakehashi.work.code import CodeWords
from kakehashi.work.data import pull_for
from kakehashi.work.holdout import Holdout, holdout
from kakehashi.work.judging import JudgeWords, with_fitting_calibrations
from kakehashi.work.manifest import OWN, check_manifest, shared_manifest
from kakehashi.work.plan import make_plan
from kakehashi.work.signed import Signed, read_signed, sign_file
from kakehashi.work.workspace import Workspace

PROTOCOL, JOIN, SUBMISSION, OPENING = (
    f"exercise-{kind}" for kind in ("protocol", "join", "submission", "opening")
)
FILE_NAME = "protocol.json"


@dataclass(frozen=True, slots=True)
class Protocol:
    """What all sites have agreed to.

    Attributes:
        signed: The signed file.
        title: What the exercise is called.
        runs: One manifest for each judge, without what is a machine's own.
        human_labels: Who labels what, in words.
        embargo: Until when results are not combined, ISO 8601 in UTC; ``""`` for no embargo.
        deadline: Until when results are taken, ISO 8601 in UTC; ``""`` for no end.
        margin: Largest difference that counts as the same, as a share of a measure's range.
        sites: Keys of those who may take part; empty for anybody.
    """

    signed: Signed
    title: str
    runs: tuple[Mapping[str, Any], ...]
    human_labels: str
    embargo: str
    deadline: str
    margin: float
    sites: tuple[VerifierKey, ...]

    @property
    def digest(self) -> str:
        """What joins and submissions cite."""
        return self.signed.digest

    def shown(self) -> dict[str, Any]:
        """The protocol as ``--json`` prints it."""
        return {
            "protocol_sha256": self.digest,
            "title": self.title,
            "organizer": str(self.signed.key),
            "runs": [dict(run) for run in self.runs],
            "human_labels": self.human_labels,
            "embargo": self.embargo,
            "deadline": self.deadline,
            "margin": self.margin,
            "sites": [str(key) for key in self.sites],
        }


def init_exercise(
    folder: Path,
    subjects: Sequence[str],
    key: SigningKey,
    *,
    title: str,
    profile: str = "quick",
    methods: Sequence[str] = (),
    languages: Sequence[str] = ("en",),
    limit: int | None = None,
    seed: int = 0,
    judges: Sequence[str] = (),
    phrases: Sequence[Path] = (),
    calibrations: Sequence[Path] = (),
    allow_family: bool = False,
    repeats: int = 1,
    alone: bool = False,
    mirror: Path | str | None = None,
    human_labels: str = "",
    embargo: str = "",
    deadline: str = "",
    margin: float = MARGIN,
    sites: Sequence[VerifierKey] = (),
    workspace: Path | str = Path("kakehashi-work"),
    say: Callable[[str], None] = lambda _: None,
) -> Protocol:
    """Write the signed protocol of an exercise; its words are those of ``assess``.

    Args:
        folder: Folder of the exercise.
        subjects: The systems; each site may reach them at an address of its own.
        key: Who organizes.
        title: What the exercise is called.
        profile: As for ``assess``.
        methods: As for ``assess``.
        languages: As for ``assess``.
        limit: As for ``assess``.
        seed: As for ``assess``.
        judges: Judges that each read all answers, one after the other (no panel).
        phrases: As for ``assess``.
        calibrations: As for ``assess``.
        allow_family: As for ``assess``.
        repeats: As for ``assess``.
        alone: As for ``assess``.
        mirror: As for ``assess``.
        human_labels: Who labels what, in words.
        embargo: Date or time until which results are not combined.
        deadline: Date or time until which results are taken.
        margin: Largest difference that counts as the same, as a share of a measure's range.
        sites: Keys of those who may take part; nobody else may then.
        workspace: Workspace with the user's own methods.
        say: Told what was decided on the way.

    Raises:
        UsageError: There is a protocol already, dates that make no sense, or a method that nobody has reviewed.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise UsageError(f"{path} is there already", hint="A protocol is not changed; begin another folder.")
    if not title.strip():
        raise UsageError("an exercise needs a title", hint='Add --title "July round".')
    until, last = end_of(embargo), end_of(deadline)
    rooms = Workspace(Path(workspace))
    data = DataStore(rooms.data)
    if mirror is not None:
        pull_for(methods, data, mirror, alone=alone, say=say)
    runs: list[dict[str, Any]] = []
    for judge in judges or ("",):
        words = _words((judge,) if judge else (), phrases, calibrations, allow_family)
        plan = make_plan(
            subjects,
            profile=profile,
            methods=methods,
            languages=languages,
            limit=limit,
            seed=seed,
            models=rooms.models,
            own_methods=rooms.methods,
            data=data,
            judge=words,
            repeats=repeats,
            alone=alone,
        )
        if not runs:
            for note in plan.notes:
                say(note)
        for planned in plan.methods:
            if "unreviewed" in [planned.card.review.get(one) for one in planned.selection.languages]:
                raise UsageError(
                    f"nobody has reviewed {planned.card.id}, so it is kept out of comparisons",
                    hint="Have its translations reviewed: kakehashi methods translate import SHEET",
                )
        runs.append(shared_manifest(plan.manifest))
    body = {
        "title": title,
        "created": now_utc(),
        "runs": runs,
        "human_labels": human_labels,
        "embargo": until,
        "deadline": last,
        "margin": margin,
        "sites": [str(site) for site in sites],
    }
    return _protocol(sign_file(path, PROTOCOL, body, key))


def read_protocol(path: Path) -> Protocol:
    """A protocol from its file, or from the folder that it lies in; the signature is checked.

    Raises:
        InputError: It is not one.
        VerificationError: It was changed since it was signed.
    """
    return _protocol(read_signed(path / FILE_NAME if path.is_dir() else path, PROTOCOL))


def _protocol(signed: Signed) -> Protocol:
    body = signed.body
    try:
        runs = tuple(body["runs"])
        for run in runs:
            check_manifest(run, signed.path)
        return Protocol(
            signed=signed,
            title=str(body["title"]),
            runs=runs,
            human_labels=str(body["human_labels"]),
            embargo=end_of(str(body["embargo"])),
            deadline=end_of(str(body["deadline"])),
            margin=float(body["margin"]),
            sites=tuple(VerifierKey.parse(str(site)) for site in body["sites"]),
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise InputError(f"not a protocol that can be used: {error}", path=signed.path) from None


def end_of(text: str) -> str:
    """A date or time as ISO 8601 in UTC; a bare date ends with its last second.

    Raises:
        UsageError: It is neither.

    Examples:
        >>> end_of("2026-12-01"), end_of("2026-12-01T12:00:00+09:00")
        ('2026-12-01T23:59:59Z', '2026-12-01T03:00:00Z')
    """
    if not text:
        return ""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is neither a date nor a time", hint="Write it like 2026-12-01") from None
    if len(text) == 10:
        when += timedelta(days=1, seconds=-1)
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Site:
    """What a site keeps of an exercise in its own workspace.

    Attributes:
        folder: Where.
    """

    folder: Path

    @classmethod
    def of(cls, protocol: Protocol, workspace: Path | str) -> "Site":
        """The site's folder of an exercise."""
        return cls(Path(workspace) / "exercises" / protocol.digest[:16])

    def read(self) -> dict[str, Any]:
        """What is kept; empty before the site has joined."""
        path = self.folder / "site.json"
        if not path.is_file():
            return {}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def write(self, content: Mapping[str, Any]) -> None:
        """Keep it, readable by its owner alone: it holds the secret of private items."""
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)
        write_whole(self.folder / "site.json", text.encode() + b"\n", mode=0o600)

    def holdouts(self, protocol: Protocol, own_methods: Path) -> list[Holdout]:
        """The private items, salted as when the site joined.

        Raises:
            VerificationError: The items are not those that were committed to.
        """
        kept = self.read()
        found = []
        for committed in kept.get("private", []):
            languages = [str(one) for one in protocol.runs[0]["languages"]]
            one = holdout(committed["method"], bytes.fromhex(kept["secret"]), languages, own_methods)
            if one.commitment() != committed:
                raise VerificationError(
                    f"the items of {committed['method']} are not those that the site committed to when it joined",
                    hint="Put the method's file back as it was.",
                )
            found.append(one)
        return found


def join_exercise(
    protocol: Protocol,
    key: SigningKey,
    out: Path,
    *,
    private: Sequence[str] = (),
    workspace: Path | str = Path("kakehashi-work"),
) -> Signed:
    """Take part: sign the protocol's hash, and commit to private items where there are any.

    The same site joins again with the same words only; its commitment cannot be changed.

    Args:
        protocol: The protocol.
        key: The site's key; its name is the site's.
        out: Folder that the join file is written to.
        private: Methods of the site's own whose items nobody else sees.
        workspace: The site's workspace.

    Raises:
        UsageError: It has joined with other private items, or may not take part.
        UnknownNameError: No such method.
    """
    if protocol.sites and key.verifier not in protocol.sites:
        raise UsageError(
            f"the protocol does not name the key of {key.name}",
            hint="Send the .pub file to the organizer, who names it with --site in a new protocol.",
        )
    rooms, site = Workspace(Path(workspace)), Site.of(protocol, workspace)
    kept = site.read()
    if kept and (kept["site"] != key.name or kept["key"] != str(key.verifier)):
        raise UsageError(
            f"this workspace takes part as {kept['site']}", hint="Use another --workspace for another site."
        )
    secret = kept.get("secret") or secrets.token_hex(32)
    languages = [str(one) for one in protocol.runs[0]["languages"]]
    commitments = [
        holdout(name, bytes.fromhex(secret), languages, rooms.methods).commitment() for name in private
    ]
    if kept and kept["private"] != commitments:
        raise UsageError(
            f"{key.name} has joined with other private items, and a commitment is not changed",
            hint="Join with the same --private and the same items.",
        )
    joined = kept.get("joined") or now_utc()
    site.write(
        {
            "site": key.name,
            "key": str(key.verifier),
            "secret": secret,
            "private": commitments,
            "joined": joined,
        }
    )
    body = {"protocol_sha256": protocol.digest, "site": key.name, "joined": joined, "private": commitments}
    return sign_file(out / f"{key.name}.join.json", JOIN, body, key)


def must_have_joined(protocol: Protocol, key: SigningKey, workspace: Path | str) -> dict[str, Any]:
    """What the site keeps.

    Raises:
        UsageError: It has not joined from this workspace.
    """
    kept = Site.of(protocol, workspace).read()
    if kept.get("key") != str(key.verifier):
        raise UsageError(
            f"{key.name} has not joined this exercise from here",
            hint="Run: kakehashi exercise join PROTOCOL --key FILE",
        )
    return kept


def run_exercise(
    protocol: Protocol,
    key: SigningKey,
    *,
    at: Sequence[str] = (),
    judges: Sequence[str] = (),
    phrases: Sequence[Path] = (),
    calibrations: Sequence[Path] = (),
    allow_code: bool = False,
    mirror: Path | str | None = None,
    workspace: Path | str = Path("kakehashi-work"),
    say: Callable[[str], None] = lambda _: None,
    **settings: Any,
) -> list[str]:
    """Run what the protocol says on this machine, and the site's private items; returns the runs.

    Args:
        protocol: The protocol.
        key: The site's key.
        at: ``NAME=SUBJECT``: where a system is reached from here.
        judges: The protocol's judges in its order, where they are reached elsewhere from here.
        phrases: Phrase lists of the judges.
        calibrations: Calibrations of the judges.
        allow_code: Whether code that a system writes may be run, in a sandbox.
        mirror: Where the data of published methods are taken from, where they are not here.
        workspace: The site's workspace.
        say: Told of settings that differ from the protocol's.
        settings: Further words of ``assess`` that decide how it is run, not what.

    Raises:
        UsageError: The site has not joined, or a method, revision or judge is not the same here.
        IncompleteError: Something failed; the same call goes on.
    """
    from kakehashi.work.assess import assess
    from kakehashi.work.replicate import repeat

    must_have_joined(protocol, key, workspace)
    site = Site.of(protocol, workspace)
    if judges and len(judges) != len(protocol.runs):
        raise UsageError(
            f"{len(judges)} judges were named, the protocol has {len(protocol.runs)}",
            hint="Name each with --judge, in the order of the protocol, or none.",
        )
    made = [
        repeat(
            manifest,
            at=at,
            judge=_words(
                (judges[number],) if judges else _judge_names(manifest),
                phrases,
                calibrations,
                _allows_family(manifest),
            ),
            code=CodeWords(allow_code),
            mirror=mirror,
            workspace=workspace,
            say=say,
        )
        for number, manifest in enumerate(protocol.runs)
    ]
    holdouts = site.holdouts(protocol, Workspace(Path(workspace)).methods)
    runs: list[dict[str, Any]] = []
    for manifest, one in zip(protocol.runs, made, strict=True):
        for difference in one.differences:
            if difference.path.partition(".")[0] in manifest:  # runtime and software are each site's own
                say(f"differs: {difference}")
        done = assess(**{**one.words, **settings}, workspace=workspace, say=say)
        runs.append({"run": done.run, "manifest": shared_with_runtime(one.plan.manifest)})
    private: list[dict[str, Any]] = []
    for found in holdouts:
        words = {**made[0].words, **settings, "methods": [found.method], "limit": None, "repeats": 1}
        done = assess(**words, workspace=workspace, say=say)
        private.append({"run": done.run, "method": found.method})
    kept = site.read()
    site.write({**kept, "runs": runs, "private_runs": private})
    return [str(one["run"]) for one in (*runs, *private)]


def shared_with_runtime(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as a site submits it: names of keys left out, runtime and version of the program kept."""
    return {
        **shared_manifest(manifest),
        **{key: manifest[key] for key in OWN if key in manifest},
    }


def _words(
    names: Sequence[str], phrases: Sequence[Path], calibrations: Sequence[Path], allow_family: bool
) -> JudgeWords:
    """One judge with what belongs to it: phrase lists are for rules, calibrations for the judge they are of."""
    rules = not names or "rules" in names
    words = JudgeWords(tuple(names), tuple(phrases) if rules else (), tuple(calibrations), allow_family)
    if not names and not words.phrases:
        return JudgeWords()
    return with_fitting_calibrations(words)


def _allows_family(manifest: Mapping[str, Any]) -> bool:
    judge = manifest.get("judge")
    return isinstance(judge, Mapping) and judge.get("allow_family") is True


def _judge_names(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    judge = manifest.get("judge")
    names = []
    for member in judge.get("members", []) if isinstance(judge, Mapping) else []:
        if member.get("kind") == "model":
            base, endpoint, model = member.get("base_url"), member["endpoint"], member["model"]
            between = "/" if endpoint == "local" else ":"
            names.append(f"model:{base}#{model}" if base else f"model:{endpoint}{between}{model}")
        else:
            names.append("rules")
    return tuple(names)


def plain_protocol(protocol: Protocol) -> str:
    """The protocol in a few lines."""
    run = protocol.runs[0]
    names = ", ".join(str(one["name"]) for one in run["subjects"])
    methods = ", ".join(f"{one['id']}@{one['version']}" for one in run["methods"])
    judges = [str(one.get("judge", {}).get("id", "")) or "each method's own" for one in protocol.runs]
    lines = [
        f"{protocol.title}: {names} by {methods} in {', '.join(run['languages'])}, seed {run['seed']}",
        f"judges: {', '.join(judges)}; human labels: {protocol.human_labels or 'none planned'}",
        f"embargo until {protocol.embargo or '–'}; results until {protocol.deadline or '–'}",
        f"protocol sha256 {protocol.digest}, signed by {protocol.signed.key}",
    ]
    return "\n".join(lines)
