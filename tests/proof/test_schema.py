"""A validator of JSON Schema, without the grammar that another program's packages would bring along."""

import subprocess
import sys

from kakehashi.proof import schema_validator

_STUB = "raise SystemExit('the grammar was built')\n"


def test_it_checks_draft_2020_12():
    check = schema_validator(
        {"type": "object", "prefixItems": [], "required": ["a"], "properties": {"a": {"minimum": 2}}}
    )
    assert check.is_valid({"a": 2})
    assert [error.json_path for error in check.iter_errors({"a": 1})] == ["$.a"]


def test_an_optional_grammar_of_jsonschemas_is_not_built_and_can_be_later(tmp_path):
    (tmp_path / "rfc3987_syntax.py").write_text(_STUB, encoding="utf-8")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from kakehashi.proof import schema_validator\n"
        "assert schema_validator({'type': 'integer'}).is_valid(1)\n"
        "assert 'jsonschema' in sys.modules and 'rfc3987_syntax' not in sys.modules\n"
        "import rfc3987_syntax"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "the grammar was built"  # by the last line alone
