"""``kakehashi demo``: three real systems, offline, by one command."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, workspace_option

#: One small model three ways, because safety is a property of systems.
SYSTEMS = ("smollm2-bare", "smollm2-primed", "smollm2-filtered")


#: Of the G7, of companies at Seoul, of an alliance in China, of the EU.
FOUR_TEXTS = ("hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai")


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/demo"), show_default=True
)
@click.option("--offline", is_flag=True, help="Use only weights that are already here.")
@click.option("--limit", type=click.IntRange(min=1), help="Fewer items of each method, for a quick look.")
@workspace_option
@json_option
def demo(out: Path, offline: bool, limit: int | None, workspace: Path, as_json: bool) -> None:
    """Assess one small model three ways (bare, primed, behind a filter) and write reports.

    It needs no key and no network beyond the package registry. Stopped, the same command goes on where it was.
    The model speaks English only, so the demonstration runs in English; the report is in English and Japanese.

    Example: kakehashi demo --out out/demo
    """
    from kakehashi.cli.assess import run_and_report
    from kakehashi.cli.compare import print_published
    from kakehashi.report import available_formats

    formats = tuple(name for name in ("html", "json", "pdf") if name in available_formats())
    day = run_and_report(
        SYSTEMS,
        out,
        ("en", "ja"),
        as_json,
        title="demo",
        formats=formats,
        limit=limit,
        offline=offline,
        workspace=workspace,
    )
    written = _further_pages(out, workspace, day, formats)
    if not as_json:
        print_published()
        for path in written:
            click.echo(f"wrote {path}")
        click.echo(f"Open {out / 'report.html'} in a browser.")


def _further_pages(out: Path, workspace: Path, day: str, formats: tuple[str, ...]) -> list[Path]:
    """What was promised side by side, figures that were quoted, and the year as of the day of the run."""
    from kakehashi.commitments import compare_instruments, load_catalog
    from kakehashi.index.claims import shipped_claims
    from kakehashi.report import build_periodic, write_crosswalk, write_periodic
    from kakehashi.report.claims import write_claim_list

    catalog = load_catalog()
    table = compare_instruments(catalog, FOUR_TEXTS)
    languages = ("en", "ja")
    written = write_crosswalk(catalog, table, out, languages, formats=formats)
    written |= write_claim_list(shipped_claims(), out, languages, formats=formats)
    annual = build_periodic("annual", as_of=day, workspace=workspace)
    written |= write_periodic(annual, out, languages, formats=formats)
    return list(written.values())
