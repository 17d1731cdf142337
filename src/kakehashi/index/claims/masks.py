"""What looks like a figure and is none: addresses, references, versions, names of models, telephone numbers."""

import re

#: Stands for every character that was taken out; places stay.
BLANK = "\x00"

_REFERENCE = (
    r"section|sections|sec\.|chapter|chapters|ch\.|articles?|art\.|annex|appendix|tables?|figures?|fig\.|pages?|pp?\.|"
    r"clause|recital|paragraph|measure|room|floor|step|line|no\.|note|footnote|version|ver\.|phase|tier|item|"
    r"question|principle|box|slide|commitment"
)
_FAMILY = (
    r"GPT|ChatGPT|Claude|Llama|LLaMA|Gemini|Qwen|Gemma|Mistral|Phi|Grok|DeepSeek|Falcon|Yi|Command|Nova|Sora|Kimi|"
    r"ERNIE|GLM|Hunyuan|Windows|Python|Ubuntu|Web|Industry|Society"
)
_TITLE = r"AI Index(?: Report)?|AIインデックス(?:報告書)?|AIR-Bench|NeurIPS|ICML|ICLR|ACL|EMNLP|FAccT|Agenda"

_PATTERNS = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        # No figure is that long; and without them no pattern below has to search far.
        (r"[\d,.]{40,}|[〇一二三四五六七八九十百千万億兆]{30,}|\s{40,}", 0),
        (r"https?://[^\s　、。)]+|www\.[^\s　、。)]+|[\w.+-]+@[\w-]+\.[\w.]+", 0),
        (r"\b(?:arXiv|doi|DOI|ISBN|ISSN)[:\s]\s*[\w./-]+", 0),
        (r"\[\^?\d+(?:\s*[,\-–]\s*\d+)*\]|[※*†]\d+|[①-⑳]", 0),
        (
            r"^[ \t]*(?:#+[ \t]*)?(?:\d+(?:\.\d+)*[.)、](?!\d)|\(\d+\)|(?<=#)[ \t]*\d+(?:\.\d+)*(?=[ \t]))",
            re.M,
        ),
        (r"^#+[ \t]*\d+(?:\.\d+)*(?=[ \t])", re.M),
        (
            rf"\b(?:{_REFERENCE})\s*\d+(?:\.\d+)*(?:\([a-z0-9]+\))?(?:\s*(?:,|and|to|-|–)\s*\d+(?:\.\d+)+(?!\d*%))?",
            re.I,
        ),
        (r"\b(?:Act|Law|Regulation|Directive|Resolution)\s+(?:\(EU\)\s*)?(?:No\.?\s*)?\d+(?:/\d+)?", 0),
        (r"第[\d〇一二三四五六七八九十百千]+(?:条|章|節|項|号|部|款|編|段落|表|図)(?:の\d+)*", 0),
        (r"第三者|第一人者|第二次世界大戦|第一線", 0),
        (
            r"(?:別表|別紙|表|図|様式|資料|注|脚注|付録|附属書|内線|バージョン|ページ)\s*(?:No\.?\s*)?\d+(?:\.\d+)*",
            0,
        ),
        (r"〒\s?\d{3}-\d{4}[^。\n]*|郵便番号[はが:]?\s?\d{3}-\d{4}|\d+丁目[^。、\n]*|\d+番地?", 0),
        (
            r"\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]\d{2,4}){2,3}|(?<!\d)\(?0\d{1,4}\)?[- ]\d{1,4}[- ]\d{3,4}(?!\d)",
            0,
        ),
        (r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)|(?:午前|午後)?\d{1,2}時(?!間|点)(?:\d{1,2}分)?", 0),
        (r"\b[vV]\d+(?:\.\d+)*\b|(?<![\d.])\d+\.\d+\.\d+(?:\.\d+)*(?![\d])", 0),
        (
            r"\b(?:ISO(?:/IEC)?|IEC|IEEE|RFC|JIS(?: [A-Z])?|NIST (?:SP|AI)|ITU-T [A-Z]\.)\s*\d+(?:[-.]\d+)*(?::\d{4})?",
            0,
        ),
        (rf"(?:{_TITLE})\s*(?:19|20)\d\d", 0),
        (
            (
                rf"(?<![A-Za-z])(?:{_FAMILY})[ -]?[vVrR]?\d+(?:\.\d+)*[a-z]?(?![\d%])"
                r"(?:[ -](?:Sonnet|Opus|Haiku|Turbo|Pro|Flash|Ultra|Mini|Large|Instruct))?"
            ),
            0,
        ),
        (
            r"(?<![A-Za-z0-9])(?!(?:USD|EUR|JPY|GBP|CNY|RMB|CHF|AUD|CAD|SGD|HKD|TWD|NZD|KRW|INR|FY|US)\d)[A-Za-z]+(?:-[A-Za-z]+){0,4}-?\d[A-Za-z0-9]*(?:[.-]\d+){0,4}",
            0,
        ),
        (r"\b\d[GgDd]\b|\b\d+-bit\b", 0),
        # Blocks and numbers of an address; a date of three parts begins with a year.
        (r"(?<![\d.-])(?!(?:19|20)\d\d-)\d{1,4}-\d{1,4}-\d{1,4}(?![\d.-])", 0),
        (r"(?:19|20)\d0(?:s\b|年代)|\d{1,2}世紀|\b\d{1,2}(?:st|nd|rd|th) century", 0),
        (r"(?<!\d)\d0(?:代|s\b)", 0),
        (
            (
                r"\b(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
                r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)\b"
            ),
            re.I,
        ),
    )
)


def mask(text: str) -> str:
    """The text with everything blanked out that only looks like a figure, at the same places.

    Args:
        text: With signs in plain width (see :func:`~kakehashi.index.claims.numerals.plain_width`).

    Examples:
        >>> mask("GPT-4 refused 12% [3]").replace(BLANK, "_")
        '_____ refused 12% ___'
    """
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: BLANK * len(found.group()), text)
    return text
