import pytest

from kakehashi.evaluate.engine.refusals import is_content_filter, provider_error, refused_parameter

SENT = {"temperature": 0, "max_tokens": 5, "top_p": 1}


@pytest.mark.parametrize(
    ("error", "parameter", "replaced_by"),
    [
        (
            {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            },
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            {
                "message": "Unsupported value: 'temperature' does not support 0 with this model.",
                "param": "temperature",
                "code": "unsupported_value",
            },
            "temperature",
            "",
        ),
        ({"message": "`temperature` and `top_p` cannot both be specified"}, "temperature", ""),
        ({"message": "temperature: Extra inputs are not permitted"}, "temperature", ""),
    ],
)
def test_a_named_parameter_is_taken_out_or_renamed(error: dict, parameter: str, replaced_by: str) -> None:
    adaptation = refused_parameter(error, SENT)
    assert adaptation is not None
    assert (adaptation.parameter, adaptation.replaced_by) == (parameter, replaced_by)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "max_tokens is too large: 5. This model supports at most 4.", "param": "max_tokens"},
        {"message": "This model's maximum context length is 8192 tokens."},
        {"message": "Unsupported parameter: 'seed'", "param": "seed", "code": "unsupported_parameter"},
        {},
    ],
)
def test_what_is_wrong_with_a_value_or_was_not_sent_is_left_alone(error: dict) -> None:
    assert refused_parameter(error, SENT) is None


def test_a_limit_of_tokens_is_renamed_but_never_left_out() -> None:
    error = {"message": "unsupported parameter max_completion_tokens", "param": "max_completion_tokens"}
    assert refused_parameter(error, {"max_completion_tokens": 5}) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "content_filter"}, True),
        ({"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, True),
        ({"message": "Output blocked by content filtering policy"}, True),
        ({"message": "invalid model", "code": "model_not_found"}, False),
    ],
)
def test_content_filters_are_told_from_other_refusals(error: dict, expected: bool) -> None:
    assert is_content_filter(error) is expected


def test_the_usual_shapes_of_errors_are_understood() -> None:
    assert provider_error({"error": "busy"})["message"] == "busy"
    assert provider_error({"detail": "no"})["message"] == "no"
    shaped = provider_error({"detail": [{"loc": ["body", "top_k"], "msg": "not permitted", "type": "x"}]})
    assert shaped["param"] == "top_k"
    assert provider_error({"hello": 1}) == {}
