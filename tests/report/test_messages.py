"""The message files: parity, the glossary, and what is never to be said."""

import re
from pathlib import Path

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
}


def placeholders(text: str) -> list[str]:
    return sorted(set(re.findall(r"{(\w+)}", text)))


def test_both_languages_have_the_same_keys() -> None:
    assert set(EN) == set(JA)


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
    assert [(key, word) for key, text in EN.items() for word in AVOID_EN if word in text.lower()] == []


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
    families = (
        "column label measure part polarity policy language weights review group order.cell span unit list"
    )
    families += (
        " caption.headline caption.attacks sentence.assessed subtitle text.exposure.insufficient blank"
    )
    families += " text.gaps text.conflicts text.differences text.notes text.no-notes origin text.speaks note cell entry"
    prefixes = tuple(families.split())
    quoted = set(re.findall(r'"([a-z][\w.-]+)"', source))
    assert [key for key in EN if key not in literal | quoted and not key.startswith(prefixes)] == []
