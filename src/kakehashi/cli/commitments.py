"""``kakehashi commitments``: what governments and companies have adopted, clause by clause."""

from pathlib import Path

import click

from kakehashi.cli.commitments_clock import clock
from kakehashi.cli.commitments_draft import draft
from kakehashi.cli.commitments_evidence import catalog_option, evidence, signatories
from kakehashi.cli.commitments_pack import pack, verify
from kakehashi.cli.options import json_option, plain, print_json, print_table


def _lang_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--lang", default="en", show_default=True, help="Languages of the output; the first is printed."
    )(function)


@click.group()
def commitments() -> None:
    """Put instruments side by side clause by clause: relation, gap, reader and date, never a grade."""


for _command in (clock, draft, evidence, signatories):
    commitments.add_command(_command)
for _command in (pack, verify):
    evidence.add_command(_command)


@commitments.command("list")
@catalog_option
@_lang_option
@json_option
def list_instruments(own: Path | None, lang: str, as_json: bool) -> None:
    """List the instruments: issuer, addressee, legal force, version, how much of each was read.

    Example: kakehashi commitments list --lang ja
    """
    from kakehashi.commitments import instrument_plain, load_catalog
    from kakehashi.report.voice import check_languages, messages

    check_languages((lang,))
    found = load_catalog(own).instruments.values()
    if as_json:
        print_json([instrument_plain(one, provisions=False) for one in found])
        return
    words = messages(lang)
    heads = ("instrument", "issuer", "addressee", "legal-force", "version", "provisions", "read")
    names = ("id", *(words[f"column.{head}"] for head in heads))
    rows = [
        (
            one.id,
            one.title[lang],
            one.issuer[lang],
            words["list.comma"].join(words[f"addressee.{name}"] for name in one.addressees),
            words[f"legal-force.{one.legal_force}"],
            one.version,
            sum(not each.heading for each in one.provisions),
            words[f"extent.{one.reading.extent.value}"],
        )
        for one in found
    ]
    print_table([dict(zip(names, row, strict=True)) for row in rows], names)


@commitments.command()
@click.argument("name")
@catalog_option
@_lang_option
@json_option
def show(name: str, own: Path | None, lang: str, as_json: bool) -> None:
    """Show one instrument with its provisions, in our own words, and who read how much of it.

    Example: kakehashi commitments show hiroshima-code --lang ja
    """
    from kakehashi.commitments import instrument_plain, load_catalog
    from kakehashi.report.document import Date
    from kakehashi.report.voice import Voice, check_languages, messages

    check_languages((lang,))
    catalog = load_catalog(own)
    found = catalog.instrument(name)
    if as_json:
        print_json(instrument_plain(found))
        return
    before = [catalog.instrument(one) for one in found.supersedes]
    after = [one for one in catalog.instruments.values() if found.id in one.supersedes]
    words = messages(lang)

    def named(title: str, name: str) -> str:
        return f"{title}（{name}）" if lang == "ja" else f"{title} ({name})"

    click.echo(named(found.title[lang], found.id))
    for label, value in (
        ("column.issuer", found.issuer[lang]),
        (
            "column.addressee",
            words["list.comma"].join(words[f"addressee.{each}"] for each in found.addressees),
        ),
        ("column.legal-force", words[f"legal-force.{found.legal_force}"]),
        ("column.status", words[f"status.{found.status}"]),
        ("column.adopted", Voice(lang).plain(Date(found.adopted))),
        ("column.version", found.version),
        ("column.follows", words["list.comma"].join(named(one.short[lang], one.id) for one in before)),
        ("column.followed-by", words["list.comma"].join(named(one.short[lang], one.id) for one in after)),
        ("entry.licence", found.licence[lang]),
        (
            "column.read",
            words["list.sentence"]
            .join([words[f"extent.{found.reading.extent.value}"], found.reading.note.get(lang, "")])
            .rstrip(),
        ),
    ):
        if value:
            click.echo(f"{words[label]}{'：' if lang == 'ja' else ': '}{value}")
    click.echo(f"{found.source['title']} ({found.source['publisher']}, {found.source['date']})")
    for provision in found.provisions:
        mark = "" if provision.verified else f" [{words['standing.not-checked']}]"
        click.echo(f"{provision.num}\t{provision.title[lang]}{mark}")
        if provision.summary:
            click.echo(f"\t{provision.summary[lang]}")


@commitments.command()
@catalog_option
@json_option
def check(own: Path | None, as_json: bool) -> None:
    """Check instruments and maps: ids, contradictions, cycles, dates, absences without a whole reading.

    Exits with 3 where something is wrong; notes alone leave 0.

    Example: kakehashi commitments check --catalog my-maps/
    """
    from kakehashi.commitments import check_catalog, load_catalog

    found = check_catalog(load_catalog(own))
    wrong = [one for one in found if one.level == "error"]
    if as_json:
        print_json(
            {
                "errors": len(wrong),
                "notes": len(found) - len(wrong),
                "findings": [
                    {
                        "code": one.code,
                        "level": one.level,
                        "message": one.message,
                        "file": Path(one.place.path).name,
                        "line": one.place.line,
                    }
                    for one in found
                ],
            }
        )
    else:
        for one in found:
            click.echo(
                f"{one.level}\t{Path(one.place.path).name}:{one.place.line}\t{one.code}\t{one.message}"
            )
        click.echo(f"{len(wrong)} errors, {len(found) - len(wrong)} notes")
    if wrong:
        raise click.exceptions.Exit(3)


@commitments.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--map", "maps", multiple=True, help="A map to use; give it again for more. All by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the files: crosswalk.html and crosswalk.json by default.",
)
@click.option(
    "--format",
    "formats",
    default="html,json",
    show_default=True,
    help="What --out writes: html, json, pdf, xlsx, csv, docx; all but html and json one a language.",
)
@catalog_option
@_lang_option
@json_option
def compare(
    names: tuple[str, ...],
    maps: tuple[str, ...],
    out: Path | None,
    formats: str,
    own: Path | None,
    lang: str,
    as_json: bool,
) -> None:
    """Put instruments (NAMES) side by side: what all ask, what some ask, what nobody has checked.

    The first gives the order of the rows. An empty cell says "not checked"; "no such clause" stands only where the
    whole text was read.

    Example: kakehashi commitments compare hiroshima-code frontier-commitments aiia-2024 eu-gpai --lang ja,en
    --out out/crosswalk --format html,pdf,xlsx
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.commitments import compare_instruments, convergence, sound_catalog, table_plain
    from kakehashi.report import (
        check_formats,
        check_languages,
        crosswalk_tables,
        crosswalk_text,
        write_crosswalk,
    )

    languages, wanted = languages_of(lang), languages_of(formats)
    check_languages(languages)
    check_formats(wanted)
    catalog = sound_catalog(own)
    table = compare_instruments(catalog, names, maps=maps)
    paths = write_crosswalk(catalog, table, out, languages, formats=wanted) if out is not None else {}
    if as_json:
        print_json(table_plain(table, convergence(catalog, table)))
        return
    for sentence in crosswalk_text(table, language=languages[0]):
        click.echo(sentence)
    for title, (head, *rows) in crosswalk_tables(catalog, table, language=languages[0]):
        click.echo(f"\n{title}")
        print_table([dict(zip(head, row, strict=True)) for row in rows], head)
    for path in paths.values():
        click.echo(f"wrote {path}", err=True)


@commitments.command()
@click.argument("first")
@click.argument("second")
@catalog_option
@json_option
def agree(first: str, second: str, own: Path | None, as_json: bool) -> None:
    """Hold two maps of the same provisions against each other, pair by pair.

    Example: kakehashi commitments agree core my-map --catalog my-maps/
    """
    from kakehashi.commitments import as_plain, compare_maps, sound_catalog

    found = compare_maps(sound_catalog(own), first, second)
    if as_json:
        print_json(plain(as_plain(found)))
        return
    rows = [
        {
            "source": pair.source,
            "target": pair.target,
            first: "–" if pair.first is None else pair.first.value,
            second: "–" if pair.second is None else pair.second.value,
        }
        for pair in found.pairs
    ]
    print_table(rows, ("source", "target", first, second))
    kappa = (
        "kappa not estimated"
        if found.kappa is None
        else f"kappa {found.kappa.value:.3f} [{found.kappa.low:.3f}, {found.kappa.high:.3f}]"
    )
    click.echo(f"{len(found.pairs)} pairs, {found.both} in both maps, {found.same} the same; {kappa}")


@commitments.command()
@click.argument("names", nargs=-1)
@click.option("--map", "maps", multiple=True, help="A map to use; give it again for more. All by default.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["oscal", "csv", "ciso-assistant"]),
    default="oscal",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the files."
)
@catalog_option
@_lang_option
@json_option
def export(
    names: tuple[str, ...],
    maps: tuple[str, ...],
    kind: str,
    out: Path,
    own: Path | None,
    lang: str,
    as_json: bool,
) -> None:
    """Write instruments (NAMES, all by default) and the maps between them: OSCAL 1.2, CSV or CISO Assistant.

    OSCAL holds one language a file: catalogs, profiles and a mapping collection that refer to one another. A catalog
    with errors is not exported.

    Example: kakehashi commitments export hiroshima-code eu-gpai --format oscal --lang ja --out oscal
    """
    from kakehashi.commitments import ciso_files, oscal_files, relation_csv, sound_catalog
    from kakehashi.errors import UnknownNameError
    from kakehashi.report import check_languages, write_texts

    check_languages((lang,))
    catalog = sound_catalog(own)
    for name in maps:
        if name not in catalog.crosswalks:
            raise UnknownNameError("map", name, sorted(catalog.crosswalks))
    chosen = names or tuple(catalog.instruments)
    if kind == "oscal":
        texts = oscal_files(catalog, chosen, maps=maps, language=lang)
    elif kind == "csv":
        texts = {"relations.csv": relation_csv(catalog, chosen, maps=maps)}
    else:
        texts = ciso_files(catalog, chosen, maps=maps)
    paths = write_texts(texts, out)
    if as_json:
        print_json({name: str(path) for name, path in paths.items()})
        return
    for path in paths.values():
        click.echo(f"wrote {path}")
