"""Add the models of published tables to the alias table, by rules that never join what only looks alike.

Usage: python scripts/make_model_aliases.py FOLDER

FOLDER holds the published tables under the names of the shipped column maps. Rows that are in the table stay; a
name that the table does not know is added:

- ``org/name`` means the model of that name; case and the spelling of the organization are evened out, because a
  hub's names do not depend on case. Nothing else of a name is dropped: a date, a size, an effort setting or a
  budget of thinking makes another system.
- A name without organization gets the one that the table states beside it, else the maker whose family the name
  begins with; else it stays unknown.
- A copy that is quantized or served by another provider is *related* to the model, which only makes a suggestion.
"""

import csv
import re
import sys
from pathlib import Path

from kakehashi.ledger import AliasTable, shipped_maps

TABLE = Path(__file__).resolve().parent.parent / "src/kakehashi/ledger/data/model_aliases.csv"

ORGANIZATIONS = {
    "meta": "meta-llama", "meta ai": "meta-llama", "facebook ai research": "meta-llama", "facebook": "meta-llama",
    "google deepmind": "google", "google research": "google", "google brain": "google", "deepmind": "google",
    "alibaba": "qwen", "aleph-alpha": "alephalpha", "mistral ai": "mistralai", "mistral": "mistralai",
    "deepseek": "deepseek-ai", "zhipu ai": "zai-org", "zhipu-ai": "zai-org", "z.ai": "zai-org",
    "z.ai (zhipu ai)": "zai-org",
    "moonshot": "moonshotai", "moonshot ai": "moonshotai", "xai": "xai", "01.ai": "01-ai", "ai21 labs": "ai21",
    "amazon web services": "amazon", "technology innovation institute": "tiiuae",
}  # fmt: skip

FAMILIES = (
    ("claude", "anthropic"), ("chatgpt", "openai"), ("gpt2", "openai"), ("gpt-oss", "openai"), ("gpt-5", "openai"),
    ("gpt-4", "openai"), ("gpt-3", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"), ("codex", "openai"),
    ("text-", "openai"), ("davinci", "openai"), ("code-davinci", "openai"), ("gemini", "google"), ("gemma", "google"),
    ("palm ", "google"), ("learnlm", "google"), ("llama", "meta-llama"), ("qwen", "qwen"), ("qwq", "qwen"),
    ("codeqwen", "qwen"), ("deepseek", "deepseek-ai"), ("grok", "xai"), ("mistral", "mistralai"),
    ("mixtral", "mistralai"), ("magistral", "mistralai"), ("ministral", "mistralai"), ("codestral", "mistralai"),
    ("open-mi", "mistralai"), ("pixtral", "mistralai"), ("glm-", "zai-org"), ("kimi", "moonshotai"),
    ("phi-", "microsoft"),
    ("minimax", "minimax"), ("nova-", "amazon"), ("amazon.", "amazon"), ("falcon", "tiiuae"), ("yi-", "01-ai"),
    ("sonar", "perplexity"), ("muse-", "meta-llama"),
)  # fmt: skip

# Where the ending "-turbo" is an inference provider's; elsewhere it is the name of another model.
HOSTED = ("meta/", "qwen/", "mistralai/", "zai-org/")
PROVIDERS = ("fireworks/", "chutes/", "deepinfra/", "parasail-", "together/")
COPIES = re.compile(r"(-turbo|-fp8|-fp8-tput|-32kseqlen|-gguf-\dbit)$")
NO_NAME = {"", "nan"}


def names_of(folder: Path) -> dict[str, str]:
    """Every subject of the tables, with the organization where the table states one."""
    found: dict[str, str] = {}
    for about in shipped_maps().values():
        path = folder / str(about["file"])
        # names of the joined table had their versions dropped; XSTest's are short names of whole systems
        if not path.is_file() or about["source"].startswith(("benchbench", "xstest")):
            continue
        developer = (about.get("describe") or {}).get("developer")
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                name = row[about["subject"]].strip()
                stated = row[developer].strip() if developer else ""
                if name.lower() not in NO_NAME:
                    found[name] = found.get(name) or ("" if stated.lower() in NO_NAME else stated)
    return found


def canonical(name: str, organization: str) -> str | None:
    """The canonical name, or None where nobody can tell whose it is."""
    head, slash, tail = name.partition("/")
    if not slash:
        tail = name
        head = organization.split(",")[0]
        if not head:
            head = next((maker for family, maker in FAMILIES if name.lower().startswith(family)), "")
    if not head:
        return None
    maker = ORGANIZATIONS.get(
        head.lower().strip(), re.sub(r"[^a-z0-9._-]+", "-", head.lower().strip()).strip("-")
    )
    return f"{maker}/{re.sub(r'[ ]+', '-', tail.strip().lower())}"


def main(folder: Path) -> None:
    """Read the tables, write the alias table anew."""
    table = AliasTable.shipped()
    with TABLE.open(encoding="utf-8", newline="") as stream:
        rows = [
            tuple(row[key] for key in ("model", "alias", "relation", "note"))
            for row in csv.DictReader(stream)
        ]
    known = table.models
    for name, organization in sorted(names_of(folder).items()):
        if name in table.related or table.identify(name).model is not None:
            continue
        provider = next(
            (
                p
                for p in PROVIDERS
                if name.lower().startswith(p) and not name.lower().startswith("together/redpajama")
            ),
            "",
        )
        bare = name[len(provider) :] if provider else name
        base = canonical(COPIES.sub("", bare) if name.startswith(HOSTED) else bare, organization)
        if base is None:
            continue
        base = table.same.get(base, base)  # no chains
        if provider:
            rows.append((base, name, "related", "served by another provider, perhaps quantized"))
        elif name.startswith(HOSTED) and COPIES.search(name):
            rows.append((base, name, "related", "a quantized or shortened copy"))
        elif base != name or base not in known:
            rows.append((base, name, "same", ""))
    aliased = {row[0] for row in rows if row[0] != row[1]}
    # a canonical name needs a row of its own only where nothing else names it
    rows = [row for row in rows if row[0] != row[1] or row[0] not in aliased]
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", "alias", "relation", "note"])
        writer.writerows(sorted(dict.fromkeys(rows)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
