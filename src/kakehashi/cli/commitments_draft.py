"""``kakehashi commitments draft``: a report's skeleton from evidence, with what is open."""

from pathlib import Path

import click

from kakehashi.cli.commitments_evidence import catalog_option, clearance_option, format_option
from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


@click.command()
@click.argument("form")
@click.option("--for", "organization", required=True, metavar="ORG", help="The organization: id or name.")
@click.option("--date", "day", help="Date of the draft; today by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for draft.html, draft.json and a draft.LANGUAGE.md each.",
)
@format_option
@click.option("--lang", default="ja,en", show_default=True, help="Languages; the first is printed.")
@clearance_option
@catalog_option
@workspace_option
@json_option
def draft(
    form: str,
    organization: str,
    day: str | None,
    out: Path | None,
    formats: str,
    lang: str,
    clearance: str,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Draft a FORM from the evidence on record: hiroshima-report, eu-model-report or aisi-perspectives.

    The same evidence answers all of them. What is open says unanswered (未回答) or to be checked (要確認); no answer is
    written for anybody.

    Example: kakehashi commitments draft hiroshima-report --for anthropic --out out/draft
    """
    from datetime import date

    from kakehashi.cli.assess import languages_of
    from kakehashi.commitments import draft_plain, sound_catalog
    from kakehashi.report import check_languages
    from kakehashi.report.evidence import check_evidence_formats, draft_rows, draft_text, write_draft
    from kakehashi.work.drafts import draft_report
    from kakehashi.work.workspace import Workspace

    languages, wanted = languages_of(lang), languages_of(formats)
    check_languages(languages)
    check_evidence_formats(wanted)
    catalog = sound_catalog(own)
    made = draft_report(
        catalog,
        Workspace(workspace),
        form,
        organization,
        date=day or date.today().isoformat(),
        clearance=clearance,
    )
    paths = write_draft(catalog, made, out, languages, formats=wanted) if out is not None else {}
    if as_json:
        print_json(draft_plain(made, catalog))
        return
    for sentence in draft_text(made, language=languages[0]):
        click.echo(sentence)
    head, *rows = draft_rows(catalog, made, language=languages[0])
    print_table([dict(zip(head, row, strict=True)) for row in rows], head)
    if made.withheld:
        click.echo(f"left out, being above TLP:{clearance.upper()}: {made.withheld}", err=True)
    for path in paths.values():
        click.echo(f"wrote {path}", err=True)
