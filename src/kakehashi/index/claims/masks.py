"""What looks like a figure and is none: addresses, references, versions, names of models, telephone numbers."""

import re

#: Stands for every character that was taken out; places stay.
BLANK = "\x00"

_REFERENCE = (
    r"section|sections|sec\.|chapter|chapters|ch\.|articles?|art\.|annex|appendix|tables?|figures?|fig\.|pages?|pp?\.|"
    r"clause|recitals?|paragraphs?|measure|room|suite|floor|step|line|no\.|note|footnote|version|ver\.|phase|tier|item|"
    r"question|principle|box|slide|commitment"
)
#: Codes that stand right before an amount: USD5bn is no name of a model.
CURRENCIES = "USD|EUR|JPY|GBP|CNY|RMB|Rmb|CHF|AUD|CAD|SGD|HKD|TWD|NZD|KRW|INR"
_N = r"\d+(?:\.\d+)*"
_REFERENCES = (
    r"sections|chapters|articles|arts\.|annexes|tables|figures|figs\.|pages|pp\.|clauses|recitals|paragraphs|measures|steps|"
    r"notes|footnotes|items|questions|principles|slides|commitments"
)
_FAMILY = (
    r"GPT|ChatGPT|Claude|Llama|LLaMA|Gemini|Qwen|Gemma|Mistral|Phi|Grok|DeepSeek|Falcon|Yi|Command|Nova|Sora|Kimi|"
    r"ERNIE|GLM|Hunyuan|Windows|Python|Ubuntu|Web|Industry|Society"
)
_SIZE = "Sonnet|Opus|Haiku|Turbo|Pro|Flash|Ultra|Mini|Large|Instruct"
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
            (
                rf"\b(?:(?:{_REFERENCES})\s*{_N}(?:, {_N})*,?\s*(?:and|or|to|-|–|〜|~)|p\.\s*{_N}[-–〜~])\s*{_N}"
                r"(?![\d,.]*%)"
            ),
            re.I,
        ),
        (
            rf"\b(?:{_REFERENCE})\s*\d+(?:[.-]\d+)*(?:\([A-Za-z0-9]+\))*(?:\s*(?:,|and|to|-|–)\s*\d+(?:\.\d+)+(?!\d*%))?",
            re.I,
        ),
        (
            (
                r"(?<![\w.])(?:Act|Law|Pub\. ?L\.|Regulation|Directive|Decision|Resolution|Executive Order|E\.O\.|"
                r"H\.R\.|S\.|[SHA]B|(?:Senate|House|Assembly) Bill)\s+(?:\(EU\)\s*)?(?:No\.?\s*)?\d+(?:[/-]\d+)?"
            ),
            0,
        ),
        # Documents of the European Union, and laws by page of their gazette.
        (r"\b[A-Z]{1,5}[(/](?:19|20)\d\d[)/]\s*\d+|\(EU\)\s*(?:No\.?\s*)?\d+/\d+", 0),
        (
            r"\b\d+\s+(?:U\.?S\.?C\.?|C\.?F\.?R\.?|Fed\. Reg\.|FR|Stat\.)\s+(?:§+\s*)?\d+|§+\s*\d+(?:\.\d+)*",
            0,
        ),
        (r"(?:規則|指令|決定|決議|法律|政令|省令|告示)(?:\(EU\)|第)?\s*\d+/\d+号?", 0),
        (r"第[\d〇一二三四五六七八九十百千]+(?:条|章|節|項|号|部|款|編|段落|表|図)(?:の\d+)*", 0),
        (r"第[\d〇一二三四五六七八九十百]+回国会|第三者|第一人者|第二次世界大戦|第一線", 0),
        (
            r"(?:別表|別紙|表|図|様式|資料|注|脚注|付録|附属書|内線|バージョン|ページ)\s*(?:No\.?\s*)?\d+(?:[.-]\d+)*",
            0,
        ),
        (
            (
                r"\b\d+[A-Za-z]?(?: [A-Z][\w.]*){1,4} "
                r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Drive|Square|Place)\b(?! [a-z]{4})"
            ),
            0,
        ),
        (r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b", 0),
        (r"〒\s?\d{3}-\d{4}[^。\n]*|郵便番号[はが:]?\s?\d{3}-\d{4}|\d+丁目[^。、\n]*|\d+番地?", 0),
        (
            r"\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]\d{2,4}){2,3}|(?<!\d)\(?0\d{1,4}\)?[- ]\d{1,4}[- ]\d{3,4}(?!\d)",
            0,
        ),
        (r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)|(?:午前|午後)?\d{1,2}時(?!間|点)(?:\d{1,2}分)?", 0),
        (r"\b\d{1,2} ?[ap]\.?m\b", 0),
        (r"\b[vV]\d+(?:\.\d+)*\b|(?<![\d.])\d+\.\d+\.\d+(?:\.\d+)*(?![\d])", 0),
        (
            r"\b(?:ISO(?:/IEC)?|IEC|IEEE|RFC|JIS(?: [A-Z])?|NIST (?:SP|AI)|ITU-T [A-Z]\.)\s*\d+(?:[-.]\d+)*(?::\d{4})?",
            0,
        ),
        (rf"(?:{_TITLE})\s*(?:19|20)\d\d", 0),
        (
            (
                rf"(?<![A-Za-z])(?:{_FAMILY})(?:[ -](?:{_SIZE}))?[ -]?[vVrR]?\d+(?:\.\d+)*[a-z]?(?![\d%])"
                rf"(?:[ -](?:{_SIZE}|\d+(?:\.\d+)?[BM]\b))?"
            ),
            0,
        ),
        (
            (
                # Names with digits in them, but for the processor whose hours are counted.
                r"(?<![A-Za-z0-9])(?![A-Z]{1,2}\d{2,4}(?: ?[GT]PU)?[ -]?(?:hours?\b|時間))"
                rf"(?!(?:{CURRENCIES}|FY|US)\d)[A-Za-z]+(?:-[A-Za-z]+){{0,4}}-?\d[A-Za-z0-9]*(?:[.-]\d+){{0,4}}"
            ),
            0,
        ),
        (r"\b\d[GgDd]\b|\b\d+-bit\b", 0),
        # The base of a rate ("25億件 1日当たり") is none of its figures.
        (
            r"(?<![\d.,])[1一](?:[人件社名国台回本日週月年]|[かヶカ]月|時間|[A-Za-z]{0,5}[ァ-ヴー]{2,})(?:当たり|あたり|につき)",
            0,
        ),
        # A unit that stands in the head of a table: (百万円), (単位:千人).
        (r"\((?:単位:? ?)?[十百千万億兆]+(?:円|米?ドル|ユーロ|元|ポンド|[人名件社台回]|トン|時間)\)", 0),
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
