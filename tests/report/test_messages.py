"""The message files: parity, the glossary, and what is never to be said."""

import re
from pathlib import Path

import yaml

import kakehashi.report
from kakehashi.report.voice import messages

EN, JA = messages("en"), messages("ja")

#: Renderings that the guide to words turns down, and words that no report says.
AVOID_JA = (
    *(
        "安全率",
        "クレーム",
        "露出",
        "曝露",
        "いいとこ取り",
        "裁判官",
        "審判",
        "再現率",
        "目撃",
        "事件",
        "事故",
    ),
    *(
        "最も安全",
        "最安全",
        "危険な国",
        "国別順位",
        "国別ランキング",
        "総合スコア",
        "です。",
        "ます。",
        "でした。",
    ),
)
AVOID_EN = ("safest", "most secure", "dangerous country", "safety of country", "safety score", "cherry-pick")

#: Prompts and phrase lists may speak of accidents and referees; nothing else of ours does.
QUOTED = ("src/kakehashi/evaluate/data/", "src/kakehashi/evaluate/judges/data/")
TEXTS = {".py", ".md", ".yaml", ".yml", ".j2", ".css", ".toml"}

#: What the guide says to use, by key.
GLOSSARY = {
    "measure.safe-handling-rate": "安全応答率",
    "measure.over-refusal-rate": "過剰拒否",
    "measure.attack-success-rate": "攻撃成功率",
    "column.method": "評価手法",
    "column.measure": "指標",
    "entry.judge": "判定器",
    "blank.insufficient": "不十分",
    "column.interval": "95%区間",
    "section.choice": "指標の選択による順位の幅",
    "periodic.type.sighting": "観測記録",
    "periodic.change.withdrawn": "撤回",
    "periodic.finding.open": "再現検証待ち",
    "periodic.section.incidents": "インシデント",
    "periodic.column.indicator": "指標",
    "periodic.column.method": "評価手法",
}


def placeholders(text: str) -> list[str]:
    return sorted(set(re.findall(r"{(\w+)}", text)))


def test_both_languages_have_the_same_keys() -> None:
    assert set(EN) == set(JA)


def test_every_file_of_messages_has_its_twin_in_the_other_language() -> None:
    folder = Path(kakehashi.report.__file__).parent / "messages"
    files = {code: {"": folder / f"{code}.yaml"} for code in ("en", "ja")}
    for code, found in files.items():
        found |= {path.name: path for path in (folder / code).iterdir()}
    assert files["en"].keys() == files["ja"].keys()
    assert len(files["en"]) > 1
    for name, path in files["en"].items():
        loaded = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in (path, files["ja"][name])]
        assert set(loaded[0]) == set(loaded[1]), path.name
        # A key such as `no:` loads as False.
        assert all(isinstance(key, str) for key in loaded[0])


def test_both_languages_have_the_same_placeholders() -> None:
    assert {key: placeholders(EN[key]) for key in EN} == {key: placeholders(JA[key]) for key in JA}


def test_messages_are_flat_text() -> None:
    for text in (*EN.values(), *JA.values()):
        assert isinstance(text, str)
        assert "<" not in text


def test_japanese_messages_are_japanese() -> None:
    # Names of coefficients and signs aside, a text that is the same in both languages was forgotten.
    same = {
        key for key in EN if EN[key] == JA[key] and re.search(r"[A-Za-z]{4}", re.sub(r"{\w+}", "", EN[key]))
    }
    assert same == set()


def test_japanese_uses_the_terms_of_the_guide() -> None:
    assert {key: JA[key] for key in GLOSSARY} == GLOSSARY


def test_no_rendering_that_the_guide_turns_down() -> None:
    assert [(key, word) for key, text in JA.items() for word in AVOID_JA if word in text] == []
    # official writing has them in kanji: 及び、並びに、又は、全て
    kana = ("および", "ならびに", "または", "すべて", "〜")
    assert [(key, word) for key, text in JA.items() for word in kana if word in text] == []
    assert [(key, word) for key, text in EN.items() for word in AVOID_EN if word in text.lower()] == []


def own_texts() -> list[Path]:
    """Every text that a user of the repository can read: code with its help texts, pages, messages, READMEs."""
    house = Path(__file__).resolve().parents[2]
    places = [*house.glob("*.md"), *house.glob("docs/**/*"), *house.glob("changelog.d/*")]
    places += house.glob("src/kakehashi/**/*")
    return [
        path
        for path in sorted(places)
        if path.suffix in TEXTS and not path.relative_to(house).as_posix().startswith(QUOTED)
    ]


def test_no_text_of_the_repository_says_what_the_guide_turns_down() -> None:
    texts = own_texts()
    names = {path.name for path in texts}
    assert {"README.md", "README.ja.md", "glossary.md", "commands.md", "ja.yaml", "page.html.j2"} <= names
    # Endings of sentences are a matter of the kind of text, not of the word.
    words = [word for word in (*AVOID_JA, *AVOID_EN) if not word.endswith("。")]
    found = [
        (path.name, number, word)
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for word in words
        # The glossary gives the English word that the Japanese stands for.
        if word in line.lower() and not (path.name == "glossary.md" and word == "cherry-pick")
    ]
    assert found == []


def test_what_shipped_methods_declare_in_english_has_japanese_words() -> None:
    from kakehashi.evaluate.methods import get_method

    known = {EN[key] for key in EN if key.startswith("phrase.")}
    for name in ("core", "facts", "attacks"):
        card = get_method(f"kakehashi/{name}").card
        assert {card.aggregation, card.data_source} - known == set()
        assert card.judge in known or card.judge.startswith("kakehashi/")


def test_how_published_methods_aggregate_has_japanese_words(tmp_path: Path) -> None:
    from kakehashi.evaluate.datasets import DataStore
    from kakehashi.evaluate.methods import get_method

    known = {EN[key] for key in EN if key.startswith("phrase.")}
    names = ("air-bench-2024", "facts-grounding-v1", "facts-grounding-v2", "strongreject", "do-not-answer")
    names += ("jailbreakbench", "mlcommons-joint-testing", "aisi-ja-perspectives")
    for name in names:
        assert get_method(name, data=DataStore(tmp_path)).card.aggregation in known, name


def test_japanese_punctuation_is_full_width() -> None:
    # Half-width brackets and colons beside Japanese letters; formulas and ids keep their own.
    wide = r"[\u3040-\u30ff\u4e00-\u9fff]"
    narrow = re.compile(rf"{wide}[(),:;?!]|[(),:;?!]{wide}")
    assert [key for key, text in JA.items() if narrow.search(text)] == []


def test_japanese_sentences_end_in_the_plain_style() -> None:
    endings = re.compile(r"(です|ます|ました|ません|でしょう|ください)[。、)）]")
    assert [key for key, text in JA.items() if endings.search(text)] == []


def test_every_message_is_used_and_every_used_message_exists() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in (Path(kakehashi.report.__file__).parent,)
        for pattern in ("**/*.py", "**/*.j2")
        for path in sorted(folder.glob(pattern))
    )
    literal = set(re.findall(r'Say\(\s*"([^"]+)"', source)) | set(re.findall(r'say\("([^"]+)"', source))
    literal |= set(re.findall(r'Blank\("([^"]+)"\)', source))
    assert literal - set(EN) == set()
    # Families that are put together from a prefix and a name of the data.
    families = "column label measure part polarity policy language weights review group order.cell span unit list facet"
    families += (
        " caption.headline caption.attacks sentence.assessed subtitle text.exposure.insufficient blank"
    )
    families += " judge clause phrase mark text.gaps text.conflicts text.differences"
    families += " brief.methods brief.models brief.ranks brief.why"
    families += " text.notes text.no-notes origin text.speaks note cell entry"
    families += " plan.status plan.order verdict factor unmade caption.by"
    families += (
        " section.crosswalk crosswalk.link addressee legal-force status extent relation confidence standing"
    )
    families += " map-origin map-status periodic evidence.link finding section.evidence draft.standing"
    families += " alert signatories clock"  # of the commands kakehashi exchange and commitments
    families += " claims.section claims.column claims.caption claims.verdict claims.basis"
    families += " claims.event.kind claims.event.column claims.event.origin"
    prefixes = tuple(families.split())
    quoted = set(re.findall(r'"([a-z][\w.-]+)"', source))
    assert [key for key in EN if key not in literal | quoted and not key.startswith(prefixes)] == []


def test_the_foot_of_a_printed_page_is_one_line():
    """At 7 points a line of A4 bears 137 Latin letters or 65 Japanese signs beside the page's number (measured)."""
    names = {"run": "run-b742c918dd68", "date": "2026-11-25", "for": "made for readers cleared for TLP:GREEN"}
    for language, room in (("en", 137), ("ja", 130)):
        for key, text in messages(language).items():
            if key.startswith("page.print") or key.endswith(".mark"):
                width = sum(1 + (ord(sign) > 0x2000) for sign in text.format_map(names))
                assert width <= room, (language, key, width)
