"""Canonical JSON against the vectors of RFC 8785 and against Python's own reader."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.errors import InputError
from kakehashi.proof import canonical, canonical_bytes, es6_number, parse_json

# RFC 8785, appendix B: bits of the double → text.
APPENDIX_B = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), APPENDIX_B.items())
def test_numbers_are_written_as_rfc_8785_appendix_b_has_them(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert es6_number(number) == text


def test_the_example_of_rfc_8785_section_3_2_3_comes_out_byte_for_byte() -> None:
    source = (
        rb'{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        rb'"string": "\u20ac$\u000F\u000aA'
        b"'"
        rb'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}'
    )
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_bytes(parse_json(source)) == expected.encode()


def test_keys_are_sorted_by_utf16_code_units_not_by_code_points() -> None:
    # RFC 8785, 3.2.3: U+1F600 is the surrogate pair D83D DE00 in UTF-16, so it stands before U+FB33.
    keys = ["€", "\r", "\ufb33", "1", "😀", "\u0080", "ö"]
    written = parse_json(canonical_bytes(dict.fromkeys(keys, 0)))
    assert isinstance(written, dict)
    assert list(written) == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_double_reads_back_as_itself(number: float) -> None:
    assert float(json.loads(es6_number(number))) == number


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_canonical_bytes_read_back_equal_and_are_their_own_canonical_form(value: object) -> None:
    data = canonical_bytes(value)
    assert json.loads(data, parse_int=float) == value  # JSON numbers are doubles
    assert canonical_bytes(parse_json(data)) == data


wild_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))  # lone surrogates among them
    | st.just(b""),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.dictionaries(
            st.text(st.characters(codec=None)) | st.sampled_from(["a", "\ue000", "\U00010000"]), inner
        )
        | st.dictionaries(st.integers(0, 1) | st.text(), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(wild_values)
def test_the_quick_way_writes_and_refuses_what_the_slow_way_does(value: object) -> None:
    def said() -> bytes | str:
        try:
            return canonical_bytes(value)
        except InputError as error:
            return str(error)

    quick = said()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical, "_is_plain", lambda *_: False)
        assert said() == quick


def test_the_quick_way_is_taken_for_what_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "_write", None)
    assert (
        canonical_bytes({"b": ["é\n\x7f", True, None, -3], "a": {}}).decode()
        == '{"a":{},"b":["é\\n\x7f",true,null,-3]}'
    )


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2), st.randoms())
def test_the_order_of_keys_in_memory_does_not_matter(value: dict[str, int], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical_bytes(dict(items)) == canonical_bytes(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [float("nan")]}, r"\$\.a\[0\]: nan"),
        (float("inf"), "inf is not"),
        (2**53 + 1, "beyond"),
        ("\ud800", r"U\+D800"),
        ({1: 2}, "not a string"),
        ({"a": {1, 2}}, r"\$\.a: a set"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(value: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        canonical_bytes(value)


def test_nesting_without_end_is_refused_when_written() -> None:
    value: list[object] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(InputError, match="nested deeper"):
        canonical_bytes(value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": [1, 2', "ends too early"),
        ('{"a": "é"}'.encode("latin-1"), "not UTF-8 .*0xe9 at offset 7"),
        (b"[" * 1000 + b"]" * 1000, "nested deeper"),
        (b"[" * 200_000 + b"]" * 200_000, "nested deeper"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested deeper"),
        (b"1" * 5000, "not JSON that can be read"),
        (b"", "not JSON"),
    ],
)
def test_bad_json_is_one_clear_error_that_names_the_file(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        parse_json(data, path="some/file.json")
    assert "some/file.json" in str(caught.value)


def test_brackets_inside_strings_do_not_count_as_nesting() -> None:
    assert parse_json(b'{"a": "' + b"[" * 1000 + b'"}') == {"a": "[" * 1000}
    assert parse_json(b"[" * 100 + b"]" * 100) is not None


def test_numbers_that_are_none_in_foreign_files_can_be_read_as_null() -> None:
    assert parse_json(b'{"a": [NaN, -Infinity, 1]}', nan_as_null=True) == {"a": [None, None, 1]}
