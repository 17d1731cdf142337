"""Hold the documents against the program: commands, errors, links, languages, changelog fragments."""

import re
import sys
from pathlib import Path

import click

from kakehashi import errors
from kakehashi.cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"^\s*(?:\$ )?kakehashi ([a-z]+)(?: ([a-z]+))?", re.MULTILINE)
FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md")


def documents() -> list[Path]:
    """Every document that a user may read."""
    return [ROOT / "README.md", ROOT / "README.ja.md", *sorted((ROOT / "docs").rglob("*.md"))]


def broken_links(path: Path) -> list[str]:
    """Relative links that lead nowhere."""
    text = path.read_text(encoding="utf-8")
    return [
        f"{path.relative_to(ROOT)}: link to {target} leads nowhere"
        for target in LINK.findall(text)
        if not (path.parent / target).exists()
    ]


def subcommands(noun: str) -> set[str]:
    """Verbs of a noun; empty where the noun is a command itself."""
    command = cli.get_command(click.Context(cli), noun)
    return set(command.commands) if isinstance(command, click.Group) else set()


def unknown_commands(path: Path) -> list[str]:
    """Commands that a document names and that do not exist."""
    wrong = []
    for block in re.findall(
        r"```(?:console|bash|sh|text)?\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL
    ):
        for noun, verb in COMMAND.findall(block):
            if noun not in COMMANDS:
                wrong.append(f"{path.relative_to(ROOT)}: no command 'kakehashi {noun}'")
            elif (verbs := subcommands(noun)) and verb and verb not in verbs:
                wrong.append(f"{path.relative_to(ROOT)}: no command 'kakehashi {noun} {verb}'")
    return wrong


def undocumented() -> list[str]:
    """Commands and errors that no document names."""
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    missing = []
    for noun in COMMANDS:
        for verb in sorted(subcommands(noun)) or [""]:
            name = f"kakehashi {noun} {verb}".strip()
            if f"`{name}`" not in commands:
                missing.append(f"docs/commands.md does not name `{name}`")
    table = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    missing += [
        f"docs/errors.md does not name {name} with exit code {kind.exit_code}"
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.KakehashiError)
        and not re.search(rf"`{name}` \| {kind.exit_code} \|", table)
    ]
    return missing


def unequal_readmes() -> list[str]:
    """README.ja.md has the commands and the sections of README.md."""
    english, japanese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md"))
    wrong = []
    if english.count("\n## ") != japanese.count("\n## "):
        wrong.append("README.md and README.ja.md differ in their number of sections")
    commands = [
        re.findall(r"^(?:make|kakehashi|python|pip) .*$", text.replace("    ", ""), re.MULTILINE)
        for text in (english, japanese)
    ]
    bare = [[line.split("#")[0].strip() for line in lines] for lines in commands]
    if bare[0] != bare[1]:
        wrong.append("README.md and README.ja.md show different commands")
    return wrong


def bad_fragments() -> list[str]:
    """Changelog fragments with names that towncrier does not take."""
    return [
        f"changelog.d/{path.name}: name it <slug>.<added|changed|fixed|removed>.md"
        for path in sorted((ROOT / "changelog.d").iterdir())
        if path.name != ".gitkeep" and not FRAGMENT.fullmatch(path.name)
    ]


def main() -> int:
    """Print what is wrong; the exit code says whether anything is."""
    wrong = [line for path in documents() for line in (*broken_links(path), *unknown_commands(path))]
    wrong += [*undocumented(), *unequal_readmes(), *bad_fragments()]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"docs: {len(documents())} documents, {len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
