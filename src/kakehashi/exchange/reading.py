"""A record in words, for a person who reads one file: English or Japanese."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kakehashi.exchange.one_file import embargo_of, is_about, level_of
from kakehashi.exchange.records import extension_of, measured
from kakehashi.exchange.signing import verify_signature
from kakehashi.exchange.subscription import models_of
from kakehashi.proof import VerifierKey

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "tombstone": "Withdrawal",
        "alert": "Alert",
        "acknowledgement": "Answer to an alert",
        "request": "Request or offer of help",
        "view": "Minimal view of a vulnerability",
        "measurement": "Sighting with a measurement",
        "vulnerability": "Vulnerability",
        "attack-pattern": "Attack pattern",
        "course-of-action": "Defence",
        "incident": "Incident",
        "sighting": "Sighting",
        "name": "Name",
        "description": "Description",
        "content": "Text",
        "level": "May be shared (TLP)",
        "no-level": "no marking: with nobody",
        "embargo": "Embargo until",
        "hazard": "Hazard",
        "severity_band": "Severity",
        "models": "Models",
        "counted": "Counted",
        "measured": "Measured",
        "found": "{k} of {n}; rate {rate:.1%}, 95% interval {low:.1%} to {high:.1%} (Wilson)",
        "action": "Action asked",
        "alert-level": "Level of the alert",
        "deadline": "Deadline",
        "drill": "Exercise",
        "yes": "yes",
        "removed": "Withdrawn",
        "contact": "Whom to ask",
        "modified": "Version",
        "id": "Id",
        "maker": "Maker, as it says itself",
        "signature": "Signature",
        "unsigned": "none: anybody may have written this",
        "trusted": "right, by {name}, whose key you gave or pinned",
        "unknown-key": "right, but whose key {name} is you must find out: {key}",
    },
    "ja": {
        "tombstone": "撤回",
        "alert": "警報",
        "acknowledgement": "警報への応答",
        "request": "支援の依頼又は申出",
        "view": "脆弱性の最小限の表示",
        "measurement": "測定値を伴う観測記録",
        "vulnerability": "脆弱性",
        "attack-pattern": "攻撃手法",
        "course-of-action": "防御策",
        "incident": "インシデント",
        "sighting": "観測記録",
        "name": "名称",
        "description": "説明",
        "content": "本文",
        "level": "共有範囲(TLP)",
        "no-level": "表示なし(共有不可)",
        "embargo": "公開制限期間の終了",
        "hazard": "危険の種類",
        "severity_band": "深刻度",
        "models": "対象モデル",
        "counted": "数えた事象",
        "measured": "測定値",
        "found": "{n}回中{k}回、割合{rate:.1%}、95%信頼区間{low:.1%}〜{high:.1%}(ウィルソン法)",
        "action": "求める対応",
        "alert-level": "警報の段階",
        "deadline": "期限",
        "drill": "訓練",
        "yes": "はい",
        "removed": "撤回された記録",
        "contact": "問合せ先",
        "modified": "版",
        "id": "識別子",
        "maker": "作成者(本人の記載による)",
        "signature": "署名",
        "unsigned": "なし(誰が書いたか確認できない)",
        "trusted": "正しい({name}。指定又は登録された鍵)",
        "unknown-key": "正しいが、鍵{name}の持ち主は別途確認を要する: {key}",
    },
}
"""Label → words, in each language."""


def in_words(
    objects: Sequence[Mapping[str, Any]],
    *,
    language: str = "en",
    keys: Iterable[VerifierKey] = (),
    names: Mapping[bytes, str] | None = None,
) -> str:
    """Records as text; markings and identities are not listed by themselves.

    Args:
        objects: Valid objects of one file.
        language: ``en`` or ``ja``.
        keys: Keys that the reader trusts.
        names: Whose they are, by public key, where that is known.

    Raises:
        VerificationError: A signature is wrong. Nothing of the file should then be believed.
    """
    said = WORDS[language]
    trusted = {key.public: (names or {}).get(key.public, key.name) for key in keys}
    made = []
    for obj in objects:
        signer = verify_signature(obj)  # of markings too
        if obj["type"] in ("marking-definition", "identity", "extension-definition"):
            continue
        rows = [(said.get(label, label), text) for label, text in _facts(obj, objects, said)]
        rows.append((said["signature"], _signature(said, signer, trusted)))
        kind = is_about(obj)
        width = max(_columns(label) for label, _ in rows)
        lines = [said.get(kind, kind)]
        lines += [
            f"  {label}{' ' * (width - _columns(label))}  {_one_line(text, width + 4)}"
            for label, text in rows
        ]
        made.append("\n".join(lines))
    return "\n\n".join(made) + "\n"


def _facts(
    obj: Mapping[str, Any], others: Sequence[Mapping[str, Any]], said: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    for label in ("name", "description", "content"):
        if label in obj:
            yield label, str(obj[label])
    yield "level", (level_of(obj, others) or said["no-level"]).upper()
    if until := embargo_of(obj, others):
        yield "embargo", until.isoformat()
    weakness = extension_of(obj, "vulnerability") or {}
    for label in ("hazard", "severity_band"):
        if label in weakness:
            yield label, str(weakness[label])
    if models := models_of(obj):
        yield "models", ", ".join(models)
    if body := extension_of(obj, "measurement"):
        yield "counted", str(body["counted"])
        k, n = body["observed_count"], body["trial_count"]
        found = measured(obj)
        if found is not None:
            yield (
                "measured",
                said["found"].format(k=k, n=n, rate=found.value, low=found.low, high=found.high),
            )
    if alert := extension_of(obj, "alert"):
        yield "alert-level", str(alert["level"])
        yield "action", str(alert["action"])
        if "deadline" in alert:
            yield "deadline", str(alert["deadline"])
        if alert.get("drill"):
            yield "drill", said["yes"]
    if body := extension_of(obj, "tombstone"):
        yield "removed", str(body["removed"])
    if body := extension_of(obj, "view"):
        yield "contact", str(body["contact"])
    if "created_by_ref" in obj:
        yield "maker", str(obj["created_by_ref"])
    yield "modified", str(obj.get("modified", obj.get("created", "")))
    yield "id", str(obj["id"])


def _signature(said: Mapping[str, str], signer: VerifierKey | None, trusted: Mapping[bytes, str]) -> str:
    if signer is None:
        return said["unsigned"]
    if signer.public in trusted:
        return said["trusted"].format(name=trusted[signer.public])
    return said["unknown-key"].format(name=signer.name, key=signer)


def _one_line(text: str, indent: int) -> str:
    """Text without what could move the cursor or pose as a line of ours; its own lines are set in."""
    lines = [
        "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in line)
        for line in text.splitlines() or [""]
    ]
    return ("\n" + " " * indent).join(lines)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
