"""Obfuscation: the request looks the same to a reader, or nearly so, and different to a filter."""

import re

from kakehashi.evaluate.attacks.technique import Context, Rendered, Transformation, fold_case

LOOKALIKES = str.maketrans("aceiopxy", "асеіорху")
FROM_LOOKALIKES = str.maketrans("асеіорху", "aceiopxy")
ZERO_WIDTH = ("\u200b", "\u200c", "\u2060")


def _homoglyphs(request: str, context: Context) -> Rendered:
    return Rendered((request.translate(LOOKALIKES),))


def _zero_width(request: str, context: Context) -> Rendered:
    def divide(word: re.Match[str]) -> str:
        middle = len(word[0]) // 2
        return word[0][:middle] + context.choose(ZERO_WIDTH) + word[0][middle:]

    return Rendered((re.sub(r"[A-Za-z]{4,}", divide, request),))


def _without_zero_width(rendered: Rendered) -> str:
    return rendered.text.translate({ord(sign): None for sign in ZERO_WIDTH})


def _spacing_and_typos(request: str, context: Context) -> Rendered:
    def scramble(word: re.Match[str]) -> str:
        place = 1 + context.number(f"{word.start()}") % (len(word[0]) - 3)
        letters = list(word[0])
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
        return "".join(letters)

    words = re.sub(r"[A-Za-z]{4,}", scramble, request).split(" ")
    gaps = ["  " if context.number(f"gap {position}") % 3 == 0 else " " for position in range(len(words) - 1)]
    return Rendered(("".join(word + gap for word, gap in zip(words, [*gaps, ""], strict=True)),))


def _letters_sorted(text: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: "".join(sorted(word[0])), fold_case(text))


TRANSFORMATIONS = (
    Transformation(
        "homoglyphs", _homoglyphs, recover=lambda rendered: rendered.text.translate(FROM_LOOKALIKES)
    ),
    Transformation("zero-width", _zero_width, recover=_without_zero_width),
    Transformation("spacing-and-typos", _spacing_and_typos, fold=_letters_sorted),
)
