"""``kakehashi commitments evidence`` and ``signatories``: who signed, and what public evidence there is."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option

_INDICATOR = "an indicator of public evidence, not a grade of virtue"


def catalog_option(function: click.decorators.FC) -> click.decorators.FC:
    """``--catalog``: files of the user's own beside the shipped ones."""
    return click.option(
        "--catalog",
        "own",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of instruments, maps, signatories, clocks and forms of your own (YAML), beside the shipped ones.",
    )(function)


def clearance_option(function: click.decorators.FC) -> click.decorators.FC:
    """``--clearance``: up to which TLP level evidence is shown."""
    return click.option(
        "--clearance",
        default="clear",
        show_default=True,
        help="TLP level up to which evidence is shown: clear, green, amber, amber+strict or red.",
    )(function)


def format_option(function: click.decorators.FC) -> click.decorators.FC:
    """``--format``: what is written with ``--out``."""
    return click.option(
        "--format",
        "formats",
        default="html,json,md",
        show_default=True,
        help="What --out writes: html, json, md, docx, pdf, xlsx, csv.",
    )(function)


@click.group()
def evidence() -> None:
    """Attach evidence to provisions: found, not found (where and when), not checked; never a grade."""


@evidence.command()
@click.option("--for", "organization", required=True, metavar="ORG", help="The organization: id or name.")
@click.option(
    "--provision", "provisions", multiple=True, required=True, help="A provision; give it again for more."
)
@click.option("--found", "finding", flag_value="found", default="found", help="It was found (the default).")
@click.option("--not-found", "finding", flag_value="not-found", help="It was searched for and not found.")
@click.option("--not-checked", "finding", flag_value="not-checked", help="Nobody has looked.")
@click.option("--date", "day", required=True, help="Day on which it was found or searched for: 2026-11-25.")
@click.option("--author", required=True, help="Who says so.")
@click.option("--run", help="A run of the ledger.")
@click.option("--exchange", metavar="ID", help="Id of an object in the workspace's node.")
@click.option("--document", type=click.Path(path_type=Path), help="A file; a copy is kept by its hash.")
@click.option("--url", help="An address; nothing is fetched.")
@click.option("--title", default="", help="What it is, for the reader.")
@click.option("--searched", default="", help="Where it was searched.")
@click.option("--marking", help="TLP level; that of the linked object, else clear, by default.")
@click.option("--note-en", default="", help="What the reader must know.")
@click.option("--note-ja", default="", help="The same in Japanese.")
@click.option("--supersedes", default="", metavar="ID", help="Evidence that it takes the place of.")
@catalog_option
@workspace_option
@json_option
def add(
    organization: str,
    provisions: tuple[str, ...],
    finding: str,
    day: str,
    author: str,
    run: str | None,
    exchange: str | None,
    document: Path | None,
    url: str | None,
    title: str,
    searched: str,
    marking: str | None,
    note_en: str,
    note_ja: str,
    supersedes: str,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Attach a run, a record of the exchange, a document or an address to provisions, as a dated record.

    Records are never changed: give --supersedes to put a newer one in an older one's place.

    Example: kakehashi commitments evidence add --for anthropic --provision frontier-commitments-2
    --url https://example.org/framework --date 2026-11-25 --author "N. N."
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.work.evidence import Source, add_evidence
    from kakehashi.work.workspace import Workspace

    made = add_evidence(
        sound_catalog(own),
        Workspace(workspace),
        organization=organization,
        provisions=provisions,
        finding=finding,
        date=day,
        author=author,
        source=Source(run or "", exchange or "", document, url or "", title),
        searched=searched,
        marking=marking,
        note={key: text for key, text in (("en", note_en), ("ja", note_ja)) if text},
        supersedes=supersedes,
    )
    _say_made(made, as_json)


@evidence.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@catalog_option
@workspace_option
@json_option
def import_rows(path: Path, own: Path | None, workspace: Path, as_json: bool) -> None:
    """Attach the evidence of a CSV file (PATH), one record a row; all rows or none.

    Columns: organization, provisions (separated by ;), finding, date, author; then run, exchange, document, url, title,
    searched, marking, note_en, note_ja where there are any.

    Example: kakehashi commitments evidence import evidence.csv
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.work.evidence_csv import import_evidence
    from kakehashi.work.workspace import Workspace

    made = import_evidence(sound_catalog(own), Workspace(workspace), path)
    if as_json:
        print_json({"records": made})
        return
    click.echo(f"{len(made)} pieces of evidence; {_INDICATOR}")


@evidence.command()
@click.argument("target")
@click.option("--date", "day", required=True, help="Day of the reply: 2026-11-25.")
@click.option("--author", required=True, help="Who enters it.")
@click.option("--text-en", default="", help="The reply in English.")
@click.option("--text-ja", default="", help="The reply in Japanese.")
@click.option("--url", default="", help="Where it was published.")
@workspace_option
@json_option
def reply(
    target: str,
    day: str,
    author: str,
    text_en: str,
    text_ja: str,
    url: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Enter what the organization named answers to a piece of evidence (TARGET); it is printed beside it.

    Example: kakehashi commitments evidence reply 3f2a9c --date 2026-11-25 --author me --text-en "Out in May."
    """
    from kakehashi.work.evidence import add_reply
    from kakehashi.work.workspace import Workspace

    text = {key: said for key, said in (("en", text_en), ("ja", text_ja)) if said}
    _say_made(add_reply(Workspace(workspace), target, date=day, author=author, text=text, url=url), as_json)


@evidence.command()
@click.argument("target")
@click.option("--reason", required=True, help="Why it no longer holds.")
@click.option("--author", required=True, help="Who says so.")
@workspace_option
@json_option
def retract(target: str, reason: str, author: str, workspace: Path, as_json: bool) -> None:
    """Withdraw a piece of evidence (TARGET): it is counted from then on, not shown.

    Example: kakehashi commitments evidence retract 3f2a9c --reason "wrong company" --author "N. N."
    """
    from kakehashi.work.evidence import retract_evidence
    from kakehashi.work.workspace import Workspace

    _say_made(retract_evidence(Workspace(workspace), target, reason=reason, author=author), as_json)


@evidence.command("list")
@click.option("--for", "organization", metavar="ORG", help="Only of this organization.")
@click.option("--instrument", help="Only of provisions of this instrument.")
@catalog_option
@workspace_option
@json_option
def list_evidence(
    organization: str | None, instrument: str | None, own: Path | None, workspace: Path, as_json: bool
) -> None:
    """List the evidence of the workspace, all markings, with what is gone.

    Example: kakehashi commitments evidence list --for anthropic
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.commitments.plain import as_plain
    from kakehashi.work.evidence import load_evidence
    from kakehashi.work.workspace import Workspace

    catalog = sound_catalog(own)
    whose = catalog.organization(organization).id if organization else None
    text = catalog.instrument(instrument).id if instrument else None
    book = load_evidence(Workspace(workspace))
    chosen = [
        e
        for e in book.entries
        if (whose is None or e.organization == whose)
        and (text is None or any(catalog.owner(name) == text for name in e.provisions))
    ]
    if as_json:
        print_json({"evidence": as_plain(chosen), "withdrawn": book.withdrawn})
        return
    rows = [
        {
            "id": e.id[:12],
            "organization": e.organization,
            "provisions": ", ".join(e.provisions),
            "finding": "gone" if e.gone is not None else e.finding,
            "what": e.searched if e.link is None else f"{e.link.type} {e.link.title or e.link.ref}",
            "date": e.date,
            "author": e.author,
            "marking": e.marking,
            "replies": len(e.replies),
        }
        for e in chosen
    ]
    print_table(
        rows, ("id", "organization", "provisions", "finding", "what", "date", "author", "marking", "replies")
    )
    click.echo(f"{len(chosen)} pieces of evidence, {book.withdrawn} withdrawn; {_INDICATOR}")


@evidence.command()
@click.argument("target")
@click.option("--lang", default="en", show_default=True, help="Language of titles and notes.")
@catalog_option
@workspace_option
@json_option
def show(target: str, lang: str, own: Path | None, workspace: Path, as_json: bool) -> None:
    """Show one piece of evidence (TARGET) with its replies and what has become of it.

    Example: kakehashi commitments evidence show 3f2a9c --lang ja
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.commitments.evidence import find_evidence
    from kakehashi.commitments.plain import as_plain
    from kakehashi.report.voice import check_languages, messages
    from kakehashi.work.evidence import load_evidence
    from kakehashi.work.workspace import Workspace

    check_languages((lang,))
    catalog = sound_catalog(own)
    found = find_evidence(load_evidence(Workspace(workspace)), target)
    if as_json:
        print_json(as_plain(found))
        return
    who = catalog.organizations.get(found.organization)
    click.echo(f"{found.id}\n{found.organization if who is None else who.name_on(found.date)[lang]}")
    for name in found.provisions:
        provision = catalog.provision(name)
        click.echo(f"  {name}\t{'' if provision is None else provision.title[lang]}")
    words = messages(lang)
    click.echo(
        f"{words[f'finding.{found.finding}']}, {found.date}, {found.author}, TLP:{found.marking.upper()}"
    )
    if found.link is not None:
        click.echo(f"{found.link.type}: {found.link.ref} {found.link.sha256}".rstrip())
    if found.searched:
        click.echo(words["evidence.searched"].format(where=found.searched))
    if found.gone is not None:
        click.echo(words["evidence.gone"].format(reason=f"{found.gone.reason} {found.gone.date}".rstrip()))
    if found.note:
        click.echo(found.note.get(lang) or next(iter(found.note.values())))
    for one in found.replies:
        said = one.text.get(lang) or next(iter(one.text.values()))
        click.echo(f"{words['column.reply']}: {words['evidence.reply'].format(date=one.date, text=said)}")
    click.echo(words["evidence.indicator"])


@evidence.command()
@click.argument("instrument")
@click.option("--for", "organizations", multiple=True, metavar="ORG", help="Only these organizations.")
@click.option(
    "--sampled",
    is_flag=True,
    help="Those checked were drawn at random from the complete list: give intervals.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for coverage.html, .md and .json."
)
@format_option
@click.option("--lang", default="en", show_default=True, help="Languages; the first is printed.")
@clearance_option
@catalog_option
@workspace_option
@json_option
def coverage(
    instrument: str,
    organizations: tuple[str, ...],
    sampled: bool,
    out: Path | None,
    formats: str,
    lang: str,
    clearance: str,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Count, for each signatory of an INSTRUMENT, the provisions with evidence; counts with n, never a grade.

    Example: kakehashi commitments evidence coverage frontier-commitments --lang ja,en --out out/coverage
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.commitments import evidence_coverage, sound_catalog
    from kakehashi.report import check_languages
    from kakehashi.report.evidence import (
        check_evidence_formats,
        coverage_plain,
        coverage_rows,
        coverage_text,
        write_coverage,
    )
    from kakehashi.work.evidence import load_evidence
    from kakehashi.work.workspace import Workspace

    languages, wanted = languages_of(lang), languages_of(formats)
    check_languages(languages)
    check_evidence_formats(wanted)
    catalog = sound_catalog(own)
    book = load_evidence(Workspace(workspace), clearance=clearance)
    found = evidence_coverage(catalog, book, instrument, organizations=organizations, sampled=sampled)
    paths = write_coverage(catalog, found, out, languages, formats=wanted) if out is not None else {}
    if as_json:
        print_json(coverage_plain(found))
        return
    for sentence in coverage_text(catalog, found, language=languages[0]):
        click.echo(sentence)
    head, *rows = coverage_rows(catalog, found, language=languages[0])
    print_table([dict(zip(head, row, strict=True)) for row in rows], head)
    if book.withheld:
        click.echo(f"left out, being above TLP:{clearance.upper()}: {book.withheld}", err=True)
    for path in paths.values():
        click.echo(f"wrote {path}", err=True)


@click.command()
@click.argument("instrument", required=False)
@click.option("--lang", default="en", show_default=True, help="Language of the names.")
@catalog_option
@json_option
def signatories(instrument: str | None, lang: str, own: Path | None, as_json: bool) -> None:
    """List who signed an INSTRUMENT (or all), when, by the name that held then, and what the list rests on.

    Example: kakehashi commitments signatories frontier-commitments --lang ja
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.commitments.plain import as_plain
    from kakehashi.report.document import Date
    from kakehashi.report.voice import Voice, check_languages, messages

    check_languages((lang,))
    catalog, words, voice = sound_catalog(own), messages(lang), Voice(lang)
    if instrument is not None:
        catalog.instrument(instrument)
    lists = [one for one in catalog.signatories if instrument in (None, one.instrument)]
    if as_json:
        print_json(as_plain(lists))
        return
    for one in lists:
        extent = "complete" if one.complete else "incomplete" if one.total else "total-unknown"
        title, listed = catalog.instrument(one.instrument).title[lang], len(one.signatures)
        facts = {"title": title, "id": one.instrument, "date": voice.plain(Date(one.as_of))}
        click.echo(words[f"signatories.{extent}"].format(**facts, listed=listed, total=one.total))
        click.echo(f"{one.source['title']} ({one.source['publisher']}, {one.source['date']})")
        if one.note:
            click.echo(one.note[lang])
        for signed in one.signatures:
            name = catalog.organizations[signed.organization].name_on(signed.on)[lang]
            day = voice.plain(Date(signed.on))
            said = day if signed.date else words["coverage.by"].format(date=day)
            mark = "" if signed.verified else f"\t{words['standing.not-checked']}"
            click.echo(f"  {signed.organization}\t{name}\t{said}{mark}")
    if not lists:
        click.echo(words["signatories.none"])


def _say_made(made: str, as_json: bool) -> None:
    if as_json:
        print_json({"record": made})
    else:
        click.echo(made)
