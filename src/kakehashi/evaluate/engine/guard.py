"""A keyword guard that may answer in the model's place; it stands outside the cache."""

import unicodedata

from kakehashi.model import GuardSpec


def fold(text: str) -> str:
    """Text with case and width folded, as guards compare it.

    Examples:
        >>> fold("ＫＩＬＬ Straße")
        'kill strasse'
    """
    return unicodedata.normalize("NFKC", text).casefold()


class Guard:
    """A guard ready to be asked.

    Args:
        spec: Its name, phrases and answer.
    """

    def __init__(self, spec: GuardSpec) -> None:
        self.name = spec.name
        self.answer = spec.answer
        self._input = tuple(fold(phrase) for phrase in spec.input_phrases if phrase)
        self._output = tuple(fold(phrase) for phrase in spec.output_phrases if phrase)

    def stops_prompt(self, prompt: str) -> bool:
        """Whether this prompt never reaches the model."""
        return bool(self._input) and _holds(prompt, self._input)

    def stops_answer(self, answer: str) -> bool:
        """Whether this answer is replaced."""
        return bool(self._output) and _holds(answer, self._output)


def _holds(text: str, phrases: tuple[str, ...]) -> bool:
    folded = fold(text)
    return any(phrase in folded for phrase in phrases)
