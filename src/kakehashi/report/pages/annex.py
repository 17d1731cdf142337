"""The annex: methods with every declared policy, systems, settings, coefficients, the ledger."""

from collections.abc import Iterator, Mapping

from kakehashi.report.choosing_values import AgreementFacts
from kakehashi.report.document import (
    Blank,
    Block,
    Code,
    Column,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.pages.marks import marks
from kakehashi.report.pages.sourced import sourced_row, sourced_section
from kakehashi.report.pages.sources import sources_section
from kakehashi.report.pages.words import (
    cite,
    construct,
    heads,
    interval_cell,
    known,
    languages,
    phrase,
    source_anchor,
    system,
)
from kakehashi.report.values import Assessment, MethodFacts, SystemFacts


def annex(assessment: Assessment, before: tuple[Section, ...]) -> Section:
    """Everything that is needed to repeat or to doubt the rest, which is what stands before it."""
    systems = Section("systems", Say("section.systems"), tuple(_systems(assessment)))
    parts = (
        Section("methods", Say("section.methods"), tuple(_methods(assessment))),
        sourced_section(systems, source_anchor(assessment.rests_on.get("run", ""))),
        Section("manifest", Say("section.manifest"), (_manifest(assessment),)),
        Section("statistics", Say("section.statistics"), tuple(_statistics(assessment))),
        Section("ledger", Say("section.ledger"), tuple(_ledger(assessment))),
    )
    sources = sources_section(assessment.sources, (before, parts))
    return Section("annex", Say("section.annex"), (), (*parts, sources))


def _pairs(name: str, caption: Piece, rows: list[tuple[Piece, Piece]]) -> Table:
    return Table(name, caption, heads("entry", "value"), tuple(rows))


def _methods(assessment: Assessment) -> Iterator[Block]:
    yield from marks(assessment, assessment.methods)
    for number, method in enumerate(assessment.methods, start=1):
        yield _pairs(
            f"method-{number}",
            Say("caption.method", {"title": Term(method.title), "id": Code(method.id)}),
            _method(assessment, method),
        )


def _method(assessment: Assessment, method: MethodFacts) -> list[tuple[Piece, Piece]]:
    measures = [one for one in assessment.measures if one.method == method.id]
    described = tuple(
        Say(
            "annex.measure",
            {
                "measure": known("measure", one.name),
                "id": Code(one.key),
                "construct": construct(one.construct),
                "polarity": Say(f"polarity.{one.polarity}"),
            },
        )
        for one in measures
    )
    return [
        (Say("entry.summary"), Term(method.summary)),
        (Say("entry.origin"), Say(_origin(method))),
        (Say("entry.version"), Code(method.version)),
        (Say("entry.measures"), Listed(described, "slash") if described else Blank("blank.not-run")),
        (
            Say("entry.categories"),
            Listed(tuple(Term(t) for t in method.categories.values()), "slash")
            if method.categories
            else Blank(),
        ),
        (Say("entry.languages"), languages(method.languages)),
        (Say("entry.judge"), phrase(method.judge, Code(method.judge))),
        (Say("entry.empty-policy"), known("policy", method.empty_policy)),
        (Say("entry.blocked-policy"), known("policy", method.blocked_policy)),
        (Say("entry.judge-failure-policy"), known("policy", method.judge_failure_policy)),
        (Say("entry.aggregation"), phrase(method.aggregation)),
        (Say("entry.data-source"), phrase(method.data_source)),
        (Say("entry.data-revision"), Code(method.data_revision)),
        (Say("entry.licence"), Code(method.licence)),
    ]


def _origin(method: MethodFacts) -> str:
    if method.own:
        return "origin.own"
    return "origin.user" if method.id.startswith("own/") else "origin.published"


def _systems(assessment: Assessment) -> Iterator[Block]:
    yield Paragraph(Say("text.systems"))
    for number, one in enumerate(assessment.systems, start=1):
        yield _pairs(f"system-{number}", Say("caption.system", {"name": system(one.name)}), _system(one))


def _system(one: SystemFacts) -> list[tuple[Piece, Piece]]:
    none = Blank()
    roles = {role: one.opening.count(role) for role in dict.fromkeys(one.opening)}
    parameters = Listed(
        tuple(Code(f"{key}={value}") for key, value in sorted(one.parameters.items())), "comma"
    )
    return [
        (Say("entry.description"), Verbatim(one.description) if one.description else none),
        (
            Say("entry.endpoint"),
            Listed((Code(one.endpoint), Code(one.address)), "comma") if one.address else Code(one.endpoint),
        ),
        (Say("entry.model"), Code(one.model)),
        (Say("entry.developer"), Verbatim(one.developer) if one.developer else Blank("blank.not-stated")),
        (
            Say("entry.weights"),
            Say(f"weights.{one.weights}") if one.weights in ("open", "closed") else Blank("blank.not-stated"),
        ),
        (
            Say("entry.system-prompt"),
            Say(
                "described.system",
                {"characters": Number(one.system_characters), "hash": Code(one.system_sha256[:16])},
            )
            if one.system_sha256
            else none,
        ),
        (
            Say("entry.opening"),
            Say(
                "described.opening",
                {
                    "count": Number(len(one.opening)),
                    "users": Number(roles.get("user", 0)),
                    "assistants": Number(roles.get("assistant", 0)),
                    "hash": Code(one.opening_sha256[:16]),
                },
            )
            if one.opening
            else none,
        ),
        (
            Say("entry.guard"),
            Say(
                "described.guard",
                {
                    "name": Verbatim(one.guard),
                    "inputs": Number(one.guard_phrases[0]),
                    "outputs": Number(one.guard_phrases[1]),
                },
            )
            if one.guard
            else none,
        ),
        (Say("entry.parameters"), parameters if one.parameters else none),
    ]


def _manifest(assessment: Assessment) -> Table:
    run = assessment.run
    rows: list[tuple[Piece, ...]] = []
    for source in (run.manifest, {"outcome": run.outcome}, {"report": assessment.settings}):
        rows += [(Code(path), _setting(value)) for path, value in _flat(source)]
    return Table("manifest", Say("caption.manifest"), heads("setting", "value"), tuple(rows))


def _setting(value: object) -> Piece:
    if isinstance(value, bool) or value is None:
        return Code(str(value).lower())
    return Code(f"{value:g}" if isinstance(value, float) else str(value))


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _flat(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(
        isinstance(inner, Mapping | list | tuple) for inner in value
    ):
        for position, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{path}[{position}]")
    elif isinstance(value, list | tuple):
        yield path, ", ".join(str(inner) for inner in value)
    else:
        yield path, value


def _statistics(assessment: Assessment) -> Iterator[Block]:
    yield Paragraph(Say("text.statistics"))
    whole = source_anchor(assessment.rests_on.get("measurements", ""))
    rows = [sourced_row(coefficients(Say("group.run"), assessment.agreement), whole)]
    if assessment.published:
        source = source_anchor(assessment.published.source)
        for group in assessment.published.groups:
            name = group.name.removeprefix("construct:")
            title = (
                Say("group.construct", {"construct": construct(name)})
                if name != group.name
                else Say(f"group.{name}")
            )
            row = coefficients(Say("group.published", {"group": title}), group.agreement)
            rows.append(sourced_row(row, source))
    figures = ("models", "methods", "kendall-w", "interval", "tau", "interval", "alpha", "interval")
    yield Table(
        "coefficients",
        Say("caption.coefficients"),
        (Column(Say("column.group")), *(Column(Say(f"column.{key}"), True) for key in figures)),
        tuple(rows),
    )


def coefficients(title: Piece, found: AgreementFacts) -> tuple[Piece, ...]:
    """One row of the table of coefficients of agreement."""
    if found.status != "estimated":
        blank = Blank("blank.insufficient")
        return (title, Number(found.models), *(blank,) * 7)

    def cell(value: float | None) -> Piece:
        return Blank("blank.not-estimable") if value is None else Number(value, "coefficient")

    return (
        title,
        Number(found.models),
        Number(len(found.methods)),
        cell(found.kendall_w),
        interval_cell(found.w_low, found.w_high, "coefficient"),
        cell(found.mean_tau),
        interval_cell(found.tau_low, found.tau_high, "coefficient"),
        cell(found.alpha),
        interval_cell(found.alpha_low, found.alpha_high, "coefficient"),
    )


def _ledger(assessment: Assessment) -> Iterator[Block]:
    run = assessment.run
    size = cite(Number(run.tree_size), assessment.rests_on.get("ledger", ""))
    yield Paragraph(Say("text.ledger", {"size": size, "root": Code(run.root or "-")}))
    command = Code("kakehashi results verify --against report.html")
    yield Paragraph(Say("text.verify", {"command": command}), "note")
