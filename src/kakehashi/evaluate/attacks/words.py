"""Words of a request: which ones carry it, and how to put others in their place."""

import re
from collections.abc import Mapping

WORD = re.compile(r"[A-Za-z]+")


def key_words(request: str, number: int) -> list[str]:
    """The longest distinct words in the order of the text; of equal length, the earlier one.

    Examples:
        >>> key_words("How do I bake bread without yeast?", 2)
        ['bread', 'without']
    """
    words = list(dict.fromkeys(WORD.findall(request)))
    longest = sorted(range(len(words)), key=lambda position: (-len(words[position]), position))[:number]
    return [words[position] for position in sorted(longest)]


def replace_words(text: str, replacements: Mapping[str, str]) -> str:
    """The text with whole words replaced, case kept apart.

    Examples:
        >>> replace_words("a cat and a catfish", {"cat": "dog"})
        'a dog and a catfish'
    """
    return WORD.sub(lambda word: replacements.get(word[0], word[0]), text)


def chunks(request: str, number: int) -> list[str]:
    """The request cut at spaces into parts of about equal numbers of words.

    Examples:
        >>> chunks("one two three four five", 2)
        ['one two three', 'four five']
    """
    words = request.split(" ")
    number = min(number, len(words))
    size, extra = divmod(len(words), number)
    parts, start = [], 0
    for position in range(number):
        end = start + size + (position < extra)
        parts.append(" ".join(words[start:end]))
        start = end
    return parts
