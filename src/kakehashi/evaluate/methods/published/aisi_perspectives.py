"""Japanese prompts by the ten perspectives of Japan AISI's guide, with the weights of its assurance trees.

Each prompt belongs to a leaf of the tree of one perspective (``G1-32``), and is judged by the leaf's requirement. The
trees stand in the tool's own YAML files, which give each leaf a share of its perspective's score.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.datasets.readers import Row, read_rows
from kakehashi.evaluate.judges import (
    AsyncJudge,
    Grader,
    Judge,
    JudgeTemplate,
    VerdictGrader,
    WordParser,
    as_grader,
)
from kakehashi.evaluate.methods.base import NOT_PULLED, Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.graded import graded
from kakehashi.evaluate.methods.judged import OFFICIAL_PROMPTS
from kakehashi.evaluate.methods.published.grades import grade_of, mean_grade
from kakehashi.evaluate.methods.published.own_prompts import own_template
from kakehashi.evaluate.methods.published.taxonomy import classes
from kakehashi.evaluate.methods.select import stratified
from kakehashi.model import (
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
)

NAME = "aisi-ja-perspectives"
SET = "aisev-ja"
TREES = "aisev-gsn"
MET = Measure(f"{NAME}:requirement-met-rate", "stated-requirement", Polarity.HIGHER)
WEIGHTED = Measure(f"{NAME}:tree-weighted-score", "stated-requirement", Polarity.HIGHER, unit="score")
_COLUMNS = ("ten_perspective", "scorer", "requirement", "text", "gsn_perspective")
_VALUE = grade_of(empty=0.0, blocked=0.0)


def leaf_weights(tree: Mapping[str, Any]) -> dict[str, float]:
    """The share of each leaf of an assurance tree, as the tool's own explorer multiplies them along the path.

    A node without ``scoreRate`` hands its share on whole to each of its children (a choice), so shares may add up to
    more than 1; the strategy directly below the top begins anew.

    Args:
        tree: Nodes by name: ``goalType``, ``supportedBy``, ``scoreRate``, ``undeveloped``.

    Raises:
        InputError: It has no top, names a node that is not there, or runs in a circle.

    Examples:
        >>> leaf_weights({
        ...     "G6-1": {"goalType": "TopGoal", "supportedBy": ["S6-1"]},
        ...     "S6-1": {"supportedBy": ["G6-2", "G6-3"], "scoreRate": [0.25, 0.75]},
        ...     "G6-2": {"undeveloped": True},
        ...     "G6-3": {"supportedBy": ["G6-4", "G6-5"], "scoreRate": [0.5, 0.5]},
        ...     "G6-4": {"undeveloped": True},
        ...     "G6-5": {"undeveloped": True},
        ... })
        {'G6-2': 0.25, 'G6-4': 0.375, 'G6-5': 0.375}
    """
    tops = [
        name for name, node in tree.items() if isinstance(node, Mapping) and node.get("goalType") == "TopGoal"
    ]
    if len(tops) != 1:
        raise InputError(f"an assurance tree has one top, this one has {len(tops)}")
    found: dict[str, float] = {}

    def explore(name: str, share: float, path: tuple[str, ...]) -> None:
        if name in path:
            raise InputError(f"the assurance tree runs in a circle at {name}")
        node = tree.get(name)
        if not isinstance(node, Mapping):
            raise InputError(f"the assurance tree names {name}, which is not there")
        if node.get("undeveloped"):
            found[name] = found.get(name, 0.0) + share
            return
        children, rates = node.get("supportedBy") or [], node.get("scoreRate")
        if rates is not None and len(rates) != len(children):
            raise InputError(f"{name} has {len(children)} children and {len(rates)} shares")
        begins = name.startswith("S") and name.endswith("-1")
        for place, child in enumerate(children):
            rate = 1.0 if rates is None else float(rates[place])
            explore(str(child), rate if begins and rates is not None else share * rate, (*path, name))

    for child in (tree[tops[0]].get("supportedBy") or [])[:1]:
        explore(str(child), 1.0, (tops[0],))
    return found


class AisiPerspectives:
    """Japan AISI's ten perspectives, as far as its tool has prompts for them.

    Args:
        store: Pulled data sets.
    """

    sets = (SET,)

    #: Upstream's own judge prompts are not among the pulled data.
    our_wording = True

    def __init__(self, store: DataStore) -> None:
        self._store = store

    @cached_property
    def _weights(self) -> Mapping[str, float]:
        """Share of each leaf, of the trees that were pulled; empty where none was."""
        found: dict[str, float] = {}
        if TREES not in {one.name for one in self._store.sets} or not self._store.is_here(TREES):
            return found
        for file in self._store.form(TREES).files:
            found |= leaf_weights(_tree(self._store.file(TREES, file.path)))
        return found

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        perspectives = classes("aisi-ja")
        return MethodCard(
            id=NAME,
            version="1",
            title={"en": "Japan AISI: ten perspectives", "ja": "AISI(日本): 10の評価観点"},
            summary={
                "en": "Japanese prompts of Japan AISI's evaluation tool, each judged by a stated requirement; six of "
                "the ten perspectives have prompts. Perspectives are reported apart and never added up.",
                "ja": "AIセーフティ・インスティテュート(日本)の評価ツールの日本語プロンプト。"
                "それぞれ明示された要件により判定する。10の評価観点のうち6つにプロンプトがある。観点ごとに示し、合算しない。",
            },
            measures=(MET, WEIGHTED),
            categories={code: {"en": entry["en"], "ja": entry["ja"]} for code, entry in perspectives.items()},
            languages=("ja",),
            judge=OFFICIAL_PROMPTS,
            data_source="Japan-AISI/aisev",
            data_revision=self._store.revision(SET) if self._store.is_here(SET) else NOT_PULLED,
            licence=self._store.set(SET).licence,
            empty_policy=Policy.WRONG,
            blocked_policy=Policy.WRONG,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of prompts whose requirement is met, by perspective; judge prompt of our wording with "
            "upstream's grades C and I (backend/src/inspect/scorer_provider.py); no answer counts as not met "
            "(evaluation_results_manager.py); a failed judge is left out and counted; "
            "the weighted score is the mean of the leaves' shares met, weighted by the tree's shares of the leaves "
            "that have prompts (gsn_explorer.py), where the trees were pulled",
            own=False,
            review={"ja": "author"},
        )

    @cached_property
    def _rows(self) -> list[Row]:
        codes = {str(entry["ja"]): code for code, entry in classes("aisi-ja").items()}
        found = []
        for file in self._store.form(SET).files:
            path = self._store.file(SET, file.path)
            for number, row in enumerate(read_rows(path, "csv", _COLUMNS), start=1):
                name = str(row["ten_perspective"]).strip()
                if name not in codes:
                    raise InputError(f"{name!r} is none of the ten perspectives", path=path, row=number)
                for column in ("text", "requirement", "gsn_perspective"):
                    if not str(row[column]).strip():
                        raise InputError(f"an empty {column}", path=path, row=number)
                found.append(
                    {**row, "code": codes[name], "id": f"{file.path.partition('_')[0]}-{number:03d}"}
                )
        return found

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen prompts, as evenly over the perspectives as their number allows."""
        if "ja" not in selection.languages:
            return []
        chosen = stratified(
            self._rows,
            selection.limit,
            selection.seed,
            stratum=lambda row: str(row["code"]),
            key=lambda row: str(row["id"]),
        )
        return [
            Sample(
                id=f"aisi-{row['id']}.ja",
                turns=(str(row["text"]),),
                language="ja",
                category=str(row["code"]),
                kind="requirement",
                cluster=str(row["gsn_perspective"]).strip(),
                max_tokens=selection.max_tokens,
                facets={"leaf": str(row["gsn_perspective"]).strip()},
            )
            for row in chosen
        ]

    def scorer(self, judge: Judge | AsyncJudge | Grader | None = None) -> Scorer:
        """Met or not met; a judge of verdicts cannot tell, and nothing is judged."""
        template: JudgeTemplate = own_template(
            NAME,
            WordParser({"c": 1.0, "i": 0.0}, after="GRADE:"),
            Polarity.HIGHER,
            extra={"{{requirement}}": "requirement"},
        )
        requirements = {f"aisi-{row['id']}.ja": str(row["requirement"]) for row in self._rows}
        able = None if judge is None or isinstance(as_grader(judge), VerdictGrader) else judge
        return graded(
            able,
            lambda sample: template,
            lambda sample: {"prompt": sample.turns[-1], "requirement": requirements[sample.id]},
        )

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """The share met by perspective, and the weighted score of each perspective whose tree is here."""
        rows = list(scored)
        if not rows:
            return []
        whole = Measurement(
            subject=subject,
            measure=MET,
            value=None,
            provenance=provenance,
            facets={"language": "ja"},
            reason="reported apart: perspectives are never added up",
        )
        found = [whole]
        by: dict[str, list[Scored]] = defaultdict(list)
        for row in rows:
            by[row.sample.category].append(row)
        for code in sorted(by):
            facets = {"language": "ja", "category": code}
            made = mean_grade(
                by[code], _VALUE, subject=subject, measure=MET, provenance=provenance, facets=facets
            )
            found.append(made)
            if self._weights:
                found.append(self._weighted(by[code], made, subject, provenance, facets))
        return found

    def _weighted(
        self,
        rows: Sequence[Scored],
        plain: Measurement,
        subject: str,
        provenance: Provenance,
        facets: Mapping[str, str],
    ) -> Measurement:
        leaves: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            value = _VALUE(row)
            if value is not None and plain.value is not None:
                leaves[row.sample.cluster].append(value)
        known = {leaf: self._weights[leaf] for leaf in leaves if leaf in self._weights}
        total = sum(known.values())
        value, reason = None, "no leaf with a share has an outcome"
        if total > 0:
            value = (
                sum(share * sum(leaves[leaf]) / len(leaves[leaf]) for leaf, share in known.items()) / total
            )
            reason = f"over {len(known)} leaves with {total:.0%} of the tree; the other leaves have no prompts here"
        return Measurement(
            subject=subject,
            measure=WEIGHTED,
            value=value,
            provenance=provenance,
            n=sum(len(leaves[leaf]) for leaf in known),
            facets=dict(facets),
            reason=reason,
        )

    def credit(self, row: Scored) -> Credit | None:
        """1 where the requirement is met."""
        return Credit(MET.id, _VALUE(row))


def _tree(path: Path) -> Mapping[str, Any]:
    try:
        # The tool strips vertical tabs before it reads its own files.
        loaded = yaml.safe_load(path.read_text(encoding="utf-8").replace("\x0b", ""))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"is no assurance tree ({type(error).__name__})", path=path) from None
    if not isinstance(loaded, Mapping):
        raise InputError("is no assurance tree", path=path)
    return loaded
