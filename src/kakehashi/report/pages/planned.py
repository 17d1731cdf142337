"""What was planned in the ledger before the run, against what was reported."""

from kakehashi.report.document import (
    Blank,
    Block,
    Code,
    Date,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Verbatim,
)
from kakehashi.report.pages.sourced import sourced
from kakehashi.report.pages.words import heads, source_anchor, system
from kakehashi.report.values import Assessment
from kakehashi.work.preregister import PlanCell, PlanCheck


def planned(assessment: Assessment) -> Section | None:
    """Every plan that concerns the run, in the order of the log; nothing where there is none."""
    if not assessment.plans:
        return None
    blocks: list[Block] = []
    for number, one in enumerate(assessment.plans, start=1):
        for sentence in plan_sentences(one):
            origin = "run" if isinstance(sentence, Say) and sentence.key == "plan.cached" else "plans"
            blocks.append(Paragraph(sourced(sentence, source_anchor(assessment.rests_on.get(origin, "")))))
        blocks.append(_table(one, f"plan-{number}"))
    return Section("plan", Say("section.plan"), tuple(blocks))


def plan_sentences(found: PlanCheck) -> tuple[Piece, ...]:
    """Which plan it was, whether it came first, and how much of it was done."""
    head = Say(
        "plan.head",
        {
            "title": Verbatim(found.title),
            "created": Date(found.created),
            "author": Verbatim(found.author) if found.author else Blank("blank.not-stated"),
            "position": Number(found.position + 1),
            "record": Code(found.plan[:16]),
            "hash": Code(found.intent_sha256[:16] or "-"),
        },
    )
    counts = Listed(
        tuple(
            Say("plan.count", {"status": Say(f"plan.status.{status}"), "count": Number(count)})
            for status, count in found.counts.items()
        ),
        "semicolon",
    )
    lines: list[Piece] = [head, Say("plan.counts", {"counts": counts})]
    orders = {cell.order for cell in found.cells}
    lines += [Say(key) for order, key in _ORDER.items() if order in orders]
    if found.kept:
        lines.append(Say("plan.kept"))
    if not found.intact:
        lines.append(Say("plan.not-intact"))
    if found.withdrawn:
        lines.append(Say("plan.withdrawn", {"reason": Verbatim(found.withdrawn)}))
    if found.backdated:
        runs = Listed(tuple(Code(run) for run in found.backdated))
        lines.append(Say("plan.backdated", {"runs": runs}))
    lines += [
        Say("plan.cached", {"run": Code(run), "count": Number(count)})
        for run, count in found.cached.items()
        if count
    ]
    return tuple(lines)


_ORDER = {"before": "plan.order-says.before", "began-before": "plan.order-says.began-before"}


def _table(found: PlanCheck, name: str) -> Table:
    return Table(
        id=name,
        caption=Say("caption.plan"),
        columns=heads("system", "method", "plan-status", "plan-order", "plan-run", "plan-changes"),
        rows=tuple(_row(cell) for cell in found.cells),
        heads=2,
        notes=(Say("note.plan"),),
    )


def _row(cell: PlanCell) -> tuple[Piece, ...]:
    said = tuple(Verbatim(one, "en") for one in (*cell.changes, *([cell.reason] if cell.reason else [])))
    return (
        system(cell.subject),
        Code(cell.method),
        Say(f"plan.status.{cell.status}"),
        Say(f"plan.order.{cell.order}") if cell.order else Blank("blank.none"),
        Code(cell.run) if cell.run else Blank("blank.none"),
        Listed(said, "semicolon") if said else Blank("blank.none"),
    )
