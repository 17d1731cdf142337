"""``kakehashi data``: upstream data sets at pinned revisions."""

import sys
from pathlib import Path

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


@click.group()
def data() -> None:
    """List, pull and verify the upstream data sets that published methods are made of."""


@data.command("list")
@click.option("--mirror", help="Say what this folder or http(s) address has of each; nothing is taken.")
@workspace_option
@json_option
def list_data(mirror: str | None, workspace: Path, as_json: bool) -> None:
    """Show every set: licence, revision, what is here, and who vouches for its bytes.

    Example: kakehashi data list --mirror ../shared/reference/suites
    """
    from kakehashi.evaluate.datasets import DataStore, set_rows
    from kakehashi.work.workspace import Workspace

    rows = set_rows(DataStore(Workspace(workspace).data), mirror)
    if as_json:
        print_json(rows)
        return
    columns = ["name", "rows", "licence", "here", "form", "hashes", "source", "source_revision"]
    if mirror is not None:
        columns.insert(columns.index("form"), "mirror")
    for row in rows:
        row["here"] = "yes" if row["here"] else f"{row['files_here']} of {row['files']} files"
        if mirror is not None:
            on = row["mirror"]
            row["mirror"] = f"{on['files_there']} of {on['files']} files of form {on['form']}"
    print_table(rows, columns)
    for row in rows:
        if row["revision"]:
            click.echo(f"{row['name']}: {row['revision']}")


@data.command()
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--mirror", help="A folder or an http(s) address with the files, laid out as the catalogue says."
)
@click.option("--form", help="Which form of the set; 'data list --json' names them.")
@click.option(
    "--accept-new-hash", is_flag=True, help="Take other bytes than at the first pull, where we pin none."
)
@click.option("--yes", is_flag=True, help="Licence and terms were read and are accepted (for scripts).")
@workspace_option
@json_option
def pull(
    names: tuple[str, ...],
    mirror: str | None,
    form: str | None,
    accept_new_hash: bool,
    yes: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Show a set's licence and terms, then fetch it and check every byte.

    The same hashes hold for upstream, a mirror's folder and a mirror's address. What was cut goes on where it was.

    Example: kakehashi data pull harmbench xstest --mirror ../shared/reference/suites --yes
    """
    from kakehashi.errors import UsageError
    from kakehashi.evaluate.datasets import DataStore, form_to_pull, licence_lines, pull_set, repetitions
    from kakehashi.work.workspace import Workspace

    store = DataStore(Workspace(workspace).data)
    described = [store.set(name) for name in dict.fromkeys(names)]  # before anything is taken
    if form is not None and len(described) > 1:
        raise UsageError("--form is for one set at a time")

    def say(text: str) -> None:
        click.echo(text, err=True)

    for one in described:
        for line in licence_lines(one, form_to_pull(store, one.name, form=form, mirror=mirror)):
            say(line)
    waiting = [one.name for one in described if accept_new_hash or not store.is_here(one.name)]
    if waiting and not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"licence and terms of {', '.join(waiting)} have not been accepted",
                hint="Read them above, then add --yes.",
            )
        click.confirm("Take these data under their licences and terms?", abort=True, err=True)
    pulled = [
        pull_set(store, one.name, form=form, mirror=mirror, accept_new_hash=accept_new_hash, say=say)
        for one in described
    ]
    rows = [
        {
            "name": one.name,
            "form": one.form,
            "revision": one.revision,
            "prompts": repetitions(store, one.name),
            "files": [
                {
                    "path": str(file.path),
                    "sha256": file.sha256,
                    "pinned_by": file.pinned_by,
                    "source": file.source,
                }
                for file in one.files
            ],
        }
        for one in pulled
    ]
    if as_json:
        print_json(rows)
        return
    for done, row in zip(pulled, rows, strict=True):
        for file in done.files:
            checked = (
                "checked against the catalogue"
                if file.pinned_by == "catalogue"
                else "nobody checked these bytes here; pinned since the first pull"
            )
            click.echo(f"{done.name}: {file.path.name} sha256 {file.sha256} ({checked})")
        if row["prompts"]:
            click.echo(f"{done.name}: {row['prompts']}")
        click.echo(f"{done.name}: {done.revision}")


@data.command()
@click.argument("names", nargs=-1)
@workspace_option
@json_option
def verify(names: tuple[str, ...], workspace: Path, as_json: bool) -> int:
    """Check the bytes of every pulled file (all sets by default), and count prompts that stand twice.

    A set that is named and of which nothing is here is an error.

    Example: kakehashi data verify
    """
    from kakehashi.errors import DataMissingError, VerificationError
    from kakehashi.evaluate.datasets import DataStore, repetitions, verify_set
    from kakehashi.work.workspace import Workspace

    store = DataStore(Workspace(workspace).data)
    chosen = tuple(dict.fromkeys(names or (one.name for one in store.sets)))
    for name in names:
        if not any(store.has(name, path) for path in store.set(name).files):
            raise DataMissingError(name)
    rows = []
    prompts: dict[str, str] = {}
    for name in chosen:
        wrong = dict(verify_set(store, name))
        rows += [
            {"set": name, "file": path, "wrong": wrong.get(path, "")}
            for path in store.set(name).files
            if store.has(name, path)
        ]
        if store.is_here(name) and not wrong and (line := repetitions(store, name)):
            prompts[name] = line
    if as_json:
        print_json({"files": rows, "prompts": prompts, "wrong": sum(bool(row["wrong"]) for row in rows)})
    else:
        for row in rows:
            click.echo(f"{row['set']}: {row['file']}: {row['wrong'] or 'as pinned'}")
        for name, line in prompts.items():
            click.echo(f"{name}: {line}")
        click.echo(f"{len(rows)} files, {sum(bool(row['wrong']) for row in rows)} not as pinned")
    if as_json:
        return 6 if any(row["wrong"] for row in rows) else 0
    if bad := [row for row in rows if row["wrong"]]:
        raise VerificationError(
            f"{len(bad)} of {len(rows)} files are not as pinned",
            hint=f"Run: kakehashi data pull {' '.join(sorted({row['set'] for row in bad}))}",
        )
    return 0
