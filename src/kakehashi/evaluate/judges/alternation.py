"""Rearranges many alternatives so that Python's matcher can skip most of them at a glance.

``re`` tries the alternatives of ``(?:a|b|c)`` one by one, and passes quickly only over those that begin with a plain
character. Opening the groups that stand first and sorting by first characters makes searches several times faster.
The set of texts matched, and where each match begins, stay the same.
"""

from itertools import pairwise

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 ',")

_REPEATS = frozenset("?{*+")


def _is_plain(char: str) -> bool:
    """Whether a character stands for itself alone: a plain one, or a letter of another script such as kana."""
    return char in _PLAIN or (char > "\x7f" and char.isalpha())


def arrange(alternatives: list[str], depth: int = 3) -> str:
    """One expression that matches where any of the alternatives does.

    Args:
        alternatives: Expressions without capturing groups.
        depth: How many leading characters to sort by.

    Examples:
        >>> arrange(["cannot help", "can't", "(?:i|we) refuse"], depth=2)
        "c(?:a(?:nnot help|n't))|i(?: refuse)|w(?:e refuse)"
        >>> arrange(["a?b"])
        'a?b'
    """
    opened = [option for alternative in alternatives for option in _open(alternative)]
    if depth == 0 or len(opened) == 1:
        return "|".join(dict.fromkeys(opened))
    by_first: dict[str, list[str]] = {}
    others: list[str] = []
    for option in opened:
        if option and _is_plain(option[0]) and option[1:2] not in _REPEATS:
            by_first.setdefault(option[0], []).append(option[1:])
        else:
            others.append(option)
    parts = [f"{first}(?:{arrange(rest, depth - 1)})" for first, rest in by_first.items()]
    by_lead: dict[str, list[str]] = {}
    for option in dict.fromkeys(others):
        lead = _lead(option)
        by_lead.setdefault(lead, []).append(option[len(lead) :])
    for lead, rests in by_lead.items():
        if lead and len(rests) > 1:
            parts.append(f"{lead}(?:{arrange(rests, depth)})")
        else:
            parts.extend(lead + rest for rest in rests)
    return "|".join(parts)


def _lead(option: str) -> str:
    """The repeated element that stands first, such as ``" ?"`` or ``"(?:a|b){0,2}"``, or ``""``."""
    if option[:1] and _is_plain(option[0]):
        end = 1
    elif option.startswith(("(?:", "(?=", "(?!")):
        end = _group(option)[0] + 1
    else:
        return ""
    if option[end : end + 1] == "?":
        end += 1
    elif option[end : end + 1] == "{":
        end = option.index("}", end) + 1
    return option[:end]


def _open(alternative: str) -> list[str]:
    """The alternative with a group that stands first written out as several."""
    if not alternative.startswith("(?:"):
        return [alternative]
    end, bars = _group(alternative)
    rest = alternative[end + 1 :]
    if rest[:1] == "{":
        return [alternative]
    edges = [2, *bars, end]
    inside = [alternative[a + 1 : b] for a, b in pairwise(edges)]
    if rest[:1] == "?":
        rest = rest[1:]
        inside.append("")
    if rest[:1] in _REPEATS:
        return [alternative]
    return [option for head in inside for option in _open(head + rest)]


def _group(text: str) -> tuple[int, list[int]]:
    """Where the group that begins ``text`` ends, and where the bars of its own level stand."""
    bars: list[int] = []
    level, in_class, i = 0, False, 0
    while i < len(text):
        char = text[i]
        if char == "\\":
            i += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char == "(":
            level += 1
        elif char == ")":
            level -= 1
            if level == 0:
                return i, bars
        elif char == "|" and level == 1:
            bars.append(i)
        i += 1
    raise ValueError(f"unbalanced group in {text!r}")
