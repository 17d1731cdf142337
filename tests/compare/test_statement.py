"""The words of selections, groups and gaps: parity of languages, the guide's terms, and what is never said."""

import re

import pytest

from kakehashi.compare import GroupRule, innocent_explanations
from kakehashi.compare.statement import words
from kakehashi.errors import UnknownNameError

TEXTS = words()["texts"]
NEVER_EN = (
    *("safest", "most secure", "dangerous country", "safety of country", "ranking", "best rank", "cherry"),
    *("guilt", "fraud", "cheat", "dishonest", "mislead", "manipulat", "accus"),
)
NEVER_JA = (
    *(
        "最も安全",
        "最安全",
        "危険な国",
        "国別順位",
        "国別ランキング",
        "安全率",
        "いいとこ取り",
        "不正",
        "改ざん",
        "虚偽",
    ),
    *("ごまかし", "露出", "曝露", "クレーム", "です。", "ます。"),
)


def placeholders(text: str) -> list[str]:
    return sorted(set(re.findall(r"{(\w+)}", text)))


def test_both_languages_say_everything_with_the_same_figures() -> None:
    for key, text in TEXTS.items():
        assert set(text) == {"en", "ja"}, key
        assert placeholders(text["en"]) == placeholders(text["ja"]), key
        assert text["en"] != text["ja"] or "{" in text["en"], key
    assert len(innocent_explanations("en")) == len(innocent_explanations("ja")) >= 6
    for kind in ("regions", "weights"):
        for names in GroupRule().regions[kind].values():
            assert names["en"]
            assert names["ja"]
    with pytest.raises(UnknownNameError):
        innocent_explanations("fr")


def test_nothing_that_must_never_be_said_can_be_said() -> None:
    said = [text for pair in TEXTS.values() for text in pair.values()]
    said += [*innocent_explanations("en"), *innocent_explanations("ja")]
    assert [(text, word) for text in said for word in NEVER_EN if word in text.lower()] == []
    assert [(text, word) for text in said for word in NEVER_JA if word in text] == []


def test_the_guides_words_are_used() -> None:
    assert TEXTS["groups.head.country"] == {
        "en": "By developer's country or region",
        "ja": "開発者の所在国・地域別",
    }
    assert "unusually favourable selection" in TEXTS["selective.unusually-favourable"]["en"]
    assert "評価手法" in TEXTS["selective.unusually-favourable"]["ja"]


def test_no_name_of_a_place_or_a_developer_stands_in_code() -> None:
    from pathlib import Path

    import kakehashi.compare

    folder = Path(kakehashi.compare.__file__).parent
    names = [n for entry in GroupRule().regions["regions"].values() for n in entry["names"] if len(n) > 3]
    for module in ("facts", "grouping", "groups", "gap", "selective", "contrast", "shrinkage", "statement"):
        code = (folder / f"{module}.py").read_text(encoding="utf-8")
        code = re.sub(r'"""(.|\n)*?"""|#.*', "", code)
        assert [name for name in names if f'"{name}"' in code] == [], module
