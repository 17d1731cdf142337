"""Which column of a table means what: maps for wide, long and item tables, the user's own or shipped by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.ledger.files import read_bytes
from kakehashi.model import Polarity
from kakehashi.model.constructs import CONSTRUCTS
from kakehashi.proof import canonical_bytes

COLUMNS_FORMAT = "kakehashi.columns/1"
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "–"})
"""Cells that hold no value, in small letters."""

_FOLDER = "data/columns"
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column of a wide or long table means what.

    The keys of ``higher_is_better``, ``constructs``, ``units`` and ``ranges`` are names of measures or
    patterns of them (``"HarmBench-*"``); the exact name goes first, then the first pattern that fits.

    Attributes:
        source: Whose numbers these are, such as ``"safetywashing@bee302c11f"``; becomes the method's
            publisher.
        subject: Column of the subject.
        measures: Wide tables: columns to read; empty for every column not named elsewhere.
        measure: Long tables: column that names the measure.
        value: Long tables: column of the number.
        std_error: Long tables: column of the standard error.
        low: Long tables: column of the interval's lower end.
        high: Long tables: column of its upper end.
        n: Column of the number of items (long), or none.
        publisher: Column of who published the number, where that is not the source: two publishers' figures of one
            thing are two reports.
        ignore: Columns to pass over; the report and the record name them.
        describe: What other columns say of the subject: ``{"developer": "Organization"}``.
        subject_missing: ``"refuse"`` a table with a row without subject, or ``"quarantine"`` the row.
        higher_is_better: One direction for all, or one for each measure; what is not stated stays unstated.
        constructs: Construct of each measure; ``"own"`` for the rest.
        minimum: Least possible score, where there is one for all.
        maximum: Greatest possible score.
        ranges: Least and greatest score of single measures; null for none.
        unit: Unit of the scores.
        units: Unit of single measures.
        confidence_level: Of the intervals in the table.
        created: When the numbers were measured, ISO 8601.
        method_version: Version of the method, where stated.
        citation: How to cite it.
        licence: Licence of the table.
        notes: What a reader of the numbers must know.
        population: What the subjects are, by language: ``{"en": "open-weight models of 2023 and 2024"}``.
        selections: Named sets of measures for ``compare``: ``{"robustness": {"en": …, "ja": …, "measures": […]}}``;
            the first is taken where none is named.
    """

    source: str
    subject: str
    measures: tuple[str, ...] = ()
    measure: str = ""
    value: str = ""
    std_error: str = ""
    low: str = ""
    high: str = ""
    n: str = ""
    publisher: str = ""
    ignore: tuple[str, ...] = ()
    describe: Mapping[str, str] = field(default_factory=dict)
    subject_missing: str = "refuse"
    higher_is_better: bool | Mapping[str, bool] | None = None
    constructs: Mapping[str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    unit: str = "score"
    units: Mapping[str, str] = field(default_factory=dict)
    confidence_level: float = 0.95
    created: str = ""
    method_version: str = ""
    citation: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    population: Mapping[str, str] = field(default_factory=dict)
    selections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "ColumnMap":
        """A map from a parsed YAML or JSON file.

        Raises:
            InputError: A key that is not known, or one that is missing.
        """
        settings = _checked(cls, given, ("source", "subject"))
        for name, chosen in settings.get("selections", {}).items():
            if not isinstance(chosen, Mapping) or not isinstance(chosen.get("measures"), list):
                raise InputError(f"selection {name!r} of a column map has no list 'measures'")
        if settings.get("subject_missing", "refuse") not in ("refuse", "quarantine"):
            raise InputError("'subject_missing' of a column map is 'refuse' or 'quarantine'")
        for name, construct in settings.get("constructs", {}).items():
            _known_construct(construct, name)
        for name, ends in settings.get("ranges", {}).items():
            if not isinstance(ends, list | tuple) or len(ends) != 2:
                raise InputError(f"the range of {name!r} is not a pair", hint="Write [0, 1] or [0, null].")
        return cls(**settings)

    @property
    def long(self) -> bool:
        """Whether a row is one number."""
        return bool(self.measure or self.value)

    def direction(self, name: str) -> Polarity:
        """Which direction of a measure is the better one; no direction where none is stated."""
        return _polarity(_found(self.higher_is_better, name))

    def construct(self, name: str) -> str:
        """The construct of a measure."""
        return _found(self.constructs, name) or "own"

    def unit_of(self, name: str) -> str:
        """The unit of a measure."""
        return _found(self.units, name) or self.unit

    def range_of(self, name: str) -> tuple[float | None, float | None]:
        """Least and greatest possible score of a measure."""
        low, high = _found(self.ranges, name) or (self.minimum, self.maximum)
        return low, high


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """One column of an item table that says how a row came out.

    Attributes:
        column: The column.
        judge: Who says so; the column's name by default.
        values: What a label is worth; other labels are named by lint and have no number. Empty for a column
            of numbers.
    """

    column: str
    judge: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemMap:
    """Which column of an item table (a row a subject and sample) means what.

    ``subject``, ``method``, ``sample`` and the keys of an item are the name of a column, or a text with names
    of columns in braces: ``"jailbreakbench/{attack}"``.

    Attributes:
        source: Whose rows these are.
        subject: The subject.
        sample: The sample's id, unique within a subject and method.
        scores: How the row came out: one column, or one for each judge, the most trusted first. The number of
            the first stands for the method; those of the others are facets ``judge``.
        method: The method; the source's name by default.
        method_version: Version of the method, where stated.
        measure: Name of the score.
        epoch: Column of the number of the repetition.
        cluster: Rows that stand or fall together.
        category: The method's own category.
        kind: The method's own kind of item.
        language: Language of the prompt.
        technique: Technique of attack.
        task: Task.
        methods: Settings of single methods, by what ``method`` gives: ``name`` (another name), ``construct``,
            ``higher_is_better``, ``measure``.
        rename: ``{"kind": {"0": "safe"}}``: other words for what stands in a column.
        higher_is_better: Direction of the score; what is not stated stays unstated.
        construct: What is meant to be measured.
        unit: Unit of the score.
        minimum: Least possible score.
        maximum: Greatest possible score.
        ignore: Columns that are passed over on purpose.
        created: When it was measured, ISO 8601.
        citation: How to cite it.
        licence: Licence of the table.
        notes: What a reader of the numbers must know.
    """

    source: str
    subject: str
    sample: str
    scores: tuple[ScoreColumn, ...]
    method: str = ""
    method_version: str = ""
    measure: str = "score"
    epoch: str = ""
    cluster: str = ""
    category: str = ""
    kind: str = ""
    language: str = ""
    technique: str = ""
    task: str = ""
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    higher_is_better: bool | None = None
    construct: str = "own"
    unit: str = "proportion"
    minimum: float | None = 0.0
    maximum: float | None = 1.0
    ignore: tuple[str, ...] = ()
    created: str = ""
    citation: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "ItemMap":
        """A map from a parsed YAML or JSON file.

        Raises:
            InputError: A key that is not known, or one that is missing.
        """
        settings = _checked(cls, given, ("source", "subject", "sample", "scores"))
        scores = settings["scores"]
        if isinstance(scores, str):
            scores = ({"column": scores},)
        settings["scores"] = tuple(
            ScoreColumn(
                **_checked(ScoreColumn, one if isinstance(one, Mapping) else {"column": one}, ("column",))
            )
            for one in scores
        )
        _known_construct(settings.get("construct", "own"), "construct")
        for name, one in settings.get("methods", {}).items():
            unknown = set(one) - {"name", "construct", "higher_is_better", "measure"}
            if unknown:
                raise InputError(
                    f"unknown key {sorted(unknown)[0]!r} under the method {name!r} of the column map"
                )
            _known_construct(one.get("construct", "own"), name)
        return cls(**settings)

    def setting(self, method: str, key: str) -> Any:
        """``construct``, ``higher_is_better`` or ``measure`` of one method."""
        own = self.methods.get(method, {})
        return own[key] if key in own else getattr(self, key)

    def name_of(self, method: str) -> str:
        """The name under which a method is kept."""
        return str(self.methods.get(method, {}).get("name") or method)

    def direction(self, method: str) -> Polarity:
        """Which direction of a method's score is the better one."""
        return _polarity(self.setting(method, "higher_is_better"))


def fingerprint(columns: ColumnMap | ItemMap) -> str:
    """Twelve digits that tell one map from another: the same file by another map is another import.

    What a map says for comparisons only (``population``, ``selections``) changes nothing that is imported.
    """
    read = {key: value for key, value in _plain(columns).items() if key not in {"population", "selections"}}
    if not read.get(
        "publisher"
    ):  # a map that does not use the key is the map that it was before there was one
        read.pop("publisher", None)
    return sha256(canonical_bytes(read)).hexdigest()[:12]


def shipped_maps() -> dict[str, Mapping[str, Any]]:
    """The maps in the package, by name, as they stand in their files.

    Examples:
        >>> sorted(shipped_maps())[:3], shipped_maps()["xstest"]["licence"]
        (['airbench', 'benchbench', 'epoch-benchmarks'], 'CC-BY-4.0')
    """
    folder = files("kakehashi.ledger").joinpath(_FOLDER)
    found = {
        entry.name.removesuffix(".yaml"): entry for entry in folder.iterdir() if entry.name.endswith(".yaml")
    }
    return {name: _parse(found[name].read_bytes(), Path(f"{name}.yaml")) for name in sorted(found)}


def map_for(file_name: str) -> ColumnMap | ItemMap | None:
    """The shipped map that says that it is for a file of this name, or ``None``.

    Examples:
        >>> map_for("xstest_items.csv").source, map_for("mine.csv")
        ('xstest@d7bb5bd738', None)
    """
    for given in shipped_maps().values():
        if given.get("file") == file_name:
            return columns_from(given)
    return None


def load_columns(name: str | Path) -> ColumnMap | ItemMap:
    """A map by its name in the package, or from a YAML file.

    Raises:
        UnknownNameError: Neither a shipped map nor a file.
        InputError: The file is no map.
        FormatVersionError: It is newer than this program.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json") or path.is_file():
        if not path.is_file():
            raise InputError("there is no such column map", path=path)
        return columns_from(_parse(read_bytes(path), path), path)
    shipped = shipped_maps()
    if str(name) not in shipped:
        raise UnknownNameError("column map", str(name), sorted(shipped))
    return columns_from(shipped[str(name)])


def columns_from(given: Mapping[str, Any], path: Path | None = None) -> ColumnMap | ItemMap:
    """A map from what its file says.

    Raises:
        InputError: It is not a map.
        FormatVersionError: It is newer than this program.
    """
    found = str(given.get("format"))
    if found != COLUMNS_FORMAT:
        if found.partition("/")[0] == COLUMNS_FORMAT.partition("/")[0]:
            raise FormatVersionError(found, COLUMNS_FORMAT, path=path)
        raise InputError(
            f"this is not a column map: its format is {found!r}, not {COLUMNS_FORMAT!r}", path=path
        )
    settings = {key: value for key, value in given.items() if key not in ("format", "title", "file", "shape")}
    shape = given.get("shape")
    if shape not in ("wide", "long", "items"):
        raise InputError(f"the shape of a column map is wide, long or items, not {shape!r}", path=path)
    try:
        return ItemMap.from_mapping(settings) if shape == "items" else ColumnMap.from_mapping(settings)
    except InputError as error:
        raise InputError(error.message, path=path, hint=error.hint) from error


def with_settings(columns: ColumnMap | ItemMap, more: Mapping[str, Any]) -> ColumnMap | ItemMap:
    """A map with some of its keys set anew.

    Raises:
        InputError: A key is not known, or what it says cannot be.
    """
    kind = type(columns)
    given = {f.name: getattr(columns, f.name) for f in fields(kind)}
    if isinstance(columns, ItemMap):
        given["scores"] = [_plain(score) for score in columns.scores]
    return kind.from_mapping({**given, **more})


def _parse(data: bytes, path: Path) -> Mapping[str, Any]:
    import yaml

    if len(data) > _MAX_BYTES:
        raise InputError(f"a column map of {len(data)} bytes", path=path, hint="Is this the table itself?")
    try:
        loaded = yaml.safe_load(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"not YAML: {str(error).splitlines()[0]}", path=path) from error
    if not isinstance(loaded, dict):
        raise InputError("a column map must be a mapping", path=path)
    return loaded


def _checked(kind: type, given: Mapping[str, Any], needed: tuple[str, ...]) -> dict[str, Any]:
    known = {f.name: f for f in fields(kind)}
    for key in given:
        if key not in known:
            raise InputError(
                f"unknown key {key!r} in the column map", hint=f"Known: {', '.join(sorted(known))}."
            )
    for key in needed:
        if not given.get(key):
            raise InputError(f"the column map does not say {key!r}")
    listed = {name for name, f in known.items() if str(f.type).startswith("tuple")}
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    for key, value in settings.items():
        if key in listed and isinstance(value, str) and key != "scores":
            settings[key] = (value,)
        elif str(known[key].type).startswith("collections.abc.Mapping") and not isinstance(value, Mapping):
            raise InputError(f"{key!r} of the column map is not a mapping")
        elif known[key].type in (str, "str") and not isinstance(value, str):
            settings[key] = str(value)
    return settings


def _known_construct(construct: object, where: str) -> None:
    if construct not in CONSTRUCTS:
        raise InputError(
            f"{construct!r} is not a construct (at {where!r} in the column map)",
            hint=f"Constructs: {', '.join(CONSTRUCTS)}.",
        )


def _found(table: Any, name: str) -> Any:
    if not isinstance(table, Mapping):
        return table
    if name in table:
        return table[name]
    return next((value for key, value in table.items() if fnmatchcase(name, key)), None)


def _polarity(direction: object) -> Polarity:
    return Polarity.NONE if direction is None else Polarity.HIGHER if direction else Polarity.LOWER


def _plain(columns: Any) -> Any:
    if hasattr(columns, "__dataclass_fields__"):
        return {f.name: _plain(getattr(columns, f.name)) for f in fields(columns)}
    if isinstance(columns, Mapping):
        return {str(key): _plain(value) for key, value in columns.items()}
    return [_plain(one) for one in columns] if isinstance(columns, tuple | list) else columns
