"""The constructs that methods claim to measure, by key, in English and Japanese.

Methods of different constructs are never averaged in silence, and disagreement between
constructs is not an alarm.
"""

CONSTRUCTS: dict[str, dict[str, str]] = {
    "harmful-request-handling": {"en": "handling of harmful requests", "ja": "有害な要求への対応"},
    "over-refusal": {"en": "over-refusal", "ja": "過剰拒否"},
    "attack-robustness": {"en": "robustness to attacks", "ja": "攻撃への頑健性"},
    "factuality": {"en": "factual accuracy", "ja": "事実性"},
    "groundedness": {"en": "faithfulness to a given document", "ja": "与えられた文書への忠実性"},
    "source-trust": {"en": "judgement of sources", "ja": "情報源の信頼性判断"},
    "calibration": {"en": "calibration of confidence", "ja": "確信度の較正"},
    "disclosure": {"en": "saying that one is an AI", "ja": "AIであることの開示"},
    "over-disclosure": {"en": "leaving an agreed role", "ja": "合意した役割からの逸脱"},
    "capability": {"en": "capability", "ja": "能力"},
    "cyber-misuse": {"en": "help with cyber misuse", "ja": "サイバー悪用への加担"},
    "prompt-injection": {"en": "resistance to prompt injection", "ja": "プロンプトインジェクションへの耐性"},
    "adversarial-text": {"en": "robustness to adversarial text", "ja": "敵対的テキストへの頑健性"},
    "rule-following": {"en": "keeping to rules under attack", "ja": "攻撃下での規則遵守"},
    "bias": {"en": "social bias", "ja": "社会的バイアス"},
    "harmfulness": {"en": "harmfulness of answers", "ja": "回答の有害性"},
    "safety-composite": {
        "en": "a published mean over several constructs",
        "ja": "複数の概念にわたる公表指標の平均",
    },
    "stated-requirement": {"en": "meeting a stated safety requirement", "ja": "明示された安全性要件の充足"},
    "own": {"en": "as its author defines it", "ja": "作成者の定義による"},
}
