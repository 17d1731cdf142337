"""The codec: every record of the model comes back equal; the shipped schema agrees with it."""

import json
import math

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_samples import measurement, provenance, result_record, run_record

from kakehashi.errors import InputError
from kakehashi.ledger import KINDS, decode, encode, measurement_from_json, measurement_to_json, record_schema
from kakehashi.model import (
    Claim,
    GuardSpec,
    Interval,
    Judgement,
    Measure,
    Measurement,
    Message,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Subject,
)
from kakehashi.proof import canonical_bytes, parse_json

finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=8)
provenances = st.builds(
    Provenance, words, words, words, words, author=words, markings=st.lists(words, max_size=2).map(tuple)
)
measures = st.builds(
    Measure, words, words, st.sampled_from(Polarity), low=st.none() | finite, high=st.none() | finite
)
measurements = st.builds(
    Measurement,
    words,
    measures,
    finite,
    provenances,
    n=st.none() | st.integers(0, 10**6),
    k=st.none() | finite,
    std_error=st.none() | finite,
    interval=st.none() | st.builds(Interval, finite, finite, st.just(0.95), words),
    facets=st.dictionaries(words, words, max_size=3),
    counts=st.dictionaries(words, st.integers(0, 99), max_size=3),
    reason=words,
)


@given(measurements)
def test_a_measurement_survives_its_bytes(one: Measurement) -> None:
    data = canonical_bytes(measurement_to_json(one))
    again = measurement_from_json(parse_json(data))
    assert again == one
    assert canonical_bytes(measurement_to_json(again)) == data


def test_other_records_of_the_model_survive_too() -> None:
    measure = Measure("a:b", "safety", Polarity.LOWER)
    texts = {"en": "x", "ja": "え"}
    for one in (
        Subject(
            "s", "mock", "m", opening=(Message("user", "hi"),), guard=GuardSpec("g", ("bad",)), parameters={"seed": 1}
        ),
        Judgement("i", "r", "refused", "scheme", provenance()),
        Claim("233 incidents in 2024", 233.0, "incidents", "2024-12-31", provenance(), {"year": "2024"}),
        MethodCard(
            "a", "1", texts, texts, (measure,), {"c": texts}, ("en",), "j", "d", "r", "MIT",
            Policy.OWN_COLUMN, Policy.LEFT_OUT, Policy.UNSAFE, "mean", own=False,
        ),
    ):  # fmt: skip
        assert decode(type(one), json.loads(canonical_bytes(encode(one)))) == one


def test_unknown_is_left_out_and_never_zero() -> None:
    body = encode(measurement(n=None, k=None, interval=None, counts={}))
    assert "interval" not in body
    assert "std_error" not in body
    assert "n" not in body
    assert measurement_from_json(body).interval is None


def test_a_number_that_is_none_becomes_null_with_a_reason() -> None:
    assert encode(measurement(value=math.nan)) | {"provenance": {}} == encode(
        measurement(value=None, reason="not-a-number")
    ) | {"provenance": {}}
    assert encode(measurement(value=math.nan, reason="no items"))["reason"] == "no items"
    assert encode(measurement(std_error=math.nan))["std_error"] is None
    with pytest.raises(InputError, match=r"Measurement\.value: inf"):
        encode(measurement(value=math.inf))


def test_numpy_scalars_are_written_as_plain_numbers() -> None:
    body = encode(measurement(value=np.float32(0.5), n=np.int64(3), counts={"a": np.int32(2)}))
    assert canonical_bytes([body["value"], body["n"], body["counts"]]) == b'[0.5,3,{"a":2}]'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": True}, "value: expected a number, found True"),
        ({"n": 2.5}, "n: expected a whole number"),
        ({"facets": []}, "facets: expected an object"),
        ({"facets": {"a": 1}}, r"facets\.a: expected a string"),
        ({"measure": {"id": "x"}}, r"measure: the field 'construct' is missing"),
        ({"color": 1}, "unknown field 'color'"),
        ({"provenance": {"markings": "x"}}, "provenance"),
        ({"counts": {"a": "1"}}, r"counts\.a: expected a number"),
    ],
)
def test_a_wrong_field_is_named(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        measurement_from_json(encode(measurement()) | change)
    with pytest.raises(InputError, match=r"is not one of higher"):
        decode(Measure, {"id": "a", "construct": "b", "polarity": "worst"})
    with pytest.raises(InputError, match="expected an object"):
        measurement_from_json([])


def test_the_schema_is_valid_and_knows_every_kind() -> None:
    jsonschema.Draft202012Validator.check_schema(record_schema())
    assert set(record_schema()["properties"]["kind"]["enum"]) == set(KINDS)


@given(measurements)
def test_what_the_codec_writes_the_schema_accepts(one: Measurement) -> None:
    body = encode(one)
    known = one.subject and one.measure.id and one.measure.construct and (one.std_error or 0) >= 0
    known = known and (one.interval is None or one.interval.method)
    record = {**result_record(measurements=[body]), "format": "kakehashi.record/1"}
    assert jsonschema.Draft202012Validator(record_schema()).is_valid(record) == bool(known)


def test_the_schema_names_what_each_kind_must_have() -> None:
    validator = jsonschema.Draft202012Validator(record_schema())
    assert validator.is_valid({**run_record(), "format": "kakehashi.record/1"})
    for key in ("run", "created", "software", "subjects", "methods", "settings", "counts", "partial"):
        broken = {k: v for k, v in run_record().items() if k != key} | {"format": "kakehashi.record/1"}
        assert not validator.is_valid(broken), key
