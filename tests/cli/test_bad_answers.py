"""Endpoints that fail in every way: one clear error or a counted failure, and nothing asked twice once it is over."""

from collections import Counter

import pytest
from commands import Served, kakehashi, own_method, run_files

#: What goes wrong for one sample alone → the error that its row names.
FAILURES = {
    "500": "ServerError",
    "503:html": "ServerError",
    "truncated": "BadAnswerError",
    "cutbody": "BadAnswerError",
    "badutf8": "BadAnswerError",
    "notobject": "BadAnswerError",
    "nochoices": "BadAnswerError",
    "hugelength:100000000": "BadAnswerError",
    "huge:100000000": "BadAnswerError",
    "400": "RequestRefusedError",
    "error200:502": "ServerError",
}
#: What is an answer, if an odd one → its status.
ANSWERS = {
    "empty": "empty",
    "null": "empty",
    "filtered": "blocked",
    "filter400": "blocked",
    "long:200000": "ok",
    "surrogate": "ok",
}
IN_ONE_WORKER = pytest.mark.xdist_group("troubled")
QUICK = ("--patience", "0.3", "--concurrency", "4")


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """One run with every fault in it, then the same command after the trouble has ended."""
    folder = tmp_path_factory.mktemp("troubled")
    # The good ones first: an endpoint that has never answered is given up sooner.
    prompts = [
        "Good day.",
        "Good night.",
        *(f"Say something. [[{fault}]]" for fault in [*ANSWERS, *FAILURES]),
    ]
    method = own_method(folder, prompts)
    words = ("assess", "SUBJECT", "--method", method, "--patience", "60", "--json")
    with Served() as mock:
        call = [mock.subject if word == "SUBJECT" else word for word in words]
        first = kakehashi(*call, cwd=folder)
        rows, sent = run_files(folder / "kakehashi-work", "rows"), mock.server.bytes_sent
        before = Counter(mock.requests())
        mock.mend()
        second = kakehashi(*call, cwd=folder)
        after = Counter(mock.requests()) - before
        third = kakehashi(*call, cwd=folder)
        last = Counter(mock.requests()) - before - after
    return {"first": first, "second": second, "third": third, "rows": rows, "sent": sent, "folder": folder,
            "before": before, "after": after, "last": last}  # fmt: skip


@IN_ONE_WORKER
def test_each_failure_is_a_row_that_names_it_and_the_rest_of_the_run_goes_on(troubled):
    first = troubled["first"]
    assert (first.code, first.json["error"]) == (10, "IncompleteError")
    for kind, n in Counter(FAILURES.values()).items():
        assert f"{kind} {n}" in first.json["message"]
    assert f"{len(FAILURES)} failed" in first.json["message"]
    errors = Counter(row["score"]["reason"] for row in troubled["rows"] if row["retry"])
    assert errors == Counter(FAILURES.values())
    statuses = Counter(row["answer"]["status"] for row in troubled["rows"] if not row["retry"])
    assert statuses == Counter([*ANSWERS.values(), "ok", "ok"])


@IN_ONE_WORKER
def test_an_answer_of_200_000_characters_is_kept_whole_and_a_body_of_100_megabytes_is_not_read(troubled):
    assert max(len(row["answer"]["text"]) for row in troubled["rows"]) == 200_000
    # Three tries of the two huge ones: each is left soon after the limit of 16 MB.
    assert troubled["sent"] < 6 * 24_000_000


@IN_ONE_WORKER
def test_once_the_trouble_is_over_the_same_command_asks_only_what_has_no_answer(troubled):
    assert troubled["second"].code == 0, troubled["second"].err
    asked = list(troubled["after"].elements())
    assert len(asked) == len(FAILURES)
    for fault in FAILURES:
        assert sum(f"[[{fault}]]" in text for text in asked) == 1
    assert not troubled["last"]
    assert troubled["third"].json == troubled["second"].json


@IN_ONE_WORKER
def test_empty_and_blocked_answers_stand_in_columns_of_their_own(troubled):
    (missing,) = troubled["second"].json["assessment"]["missing"]
    assert (missing["empty"], missing["blocked"], missing["error"]) == (2, 2, 0)
    outcome = troubled["second"].json["assessment"]["run"]["outcome"]
    assert (outcome["failed"], outcome["finished"]) == (0, len(FAILURES) + len(ANSWERS) + 2)


@pytest.mark.parametrize(
    ("fault", "error", "hint"),
    [
        ("401", "AuthenticationError", "environment variable"),
        ("403", "AuthenticationError", "environment variable"),
        ("429:0", "RateLimitedError", "same command again"),
        ("429:quota", "RateLimitedError", "same command again"),
        ("429:9999", "RateLimitedError", "same command again"),
        ("404", "RequestRefusedError", "base address"),
        ("301", "RequestRefusedError", "base_url"),
    ],
)
def test_what_stops_an_endpoint_is_one_error_and_the_same_command_goes_on_later(tmp_path, fault, error, hint):
    words = ("--method", "core", "--limit", "7", *QUICK)
    with Served(default=fault) as mock:
        done = kakehashi("assess", mock.subject, *words, "--json", cwd=tmp_path)
        assert (done.code, done.json["error"]) == (4, error)
        assert hint in done.json["hint"]
        assert mock.server.url in done.json["message"]
        # It is given up, not asked for every sample of the run again and again.
        assert mock.server.calls <= 40
        mock.mend()
        before = mock.server.calls
        again = kakehashi("assess", mock.subject, *words, cwd=tmp_path)
        assert again.code == 0, again.err
        assert mock.server.calls - before == 14


def test_an_unreachable_endpoint_is_one_error_with_the_address(tmp_path):
    with Served() as mock:
        gone = mock.subject
    done = kakehashi("assess", gone, "--method", "core", "--limit", "7", *QUICK, cwd=tmp_path)
    assert done.code == 4
    assert "cannot be reached" in done.err
    assert gone.partition("#")[0] in done.err
    absent = kakehashi(
        "assess", "http://no-such-host.invalid/v1#m", "--method", "core", "--limit", "7", *QUICK, cwd=tmp_path
    )
    assert absent.code == 4
    assert "no-such-host.invalid" in absent.err


def test_an_endpoint_that_dies_half_way_leaves_the_others_and_its_own_answers_alone(tmp_path):
    words = ("--method", "core", "--limit", "7", "--patience", "0.2", "--concurrency", "1", "--json")
    with Served(["ok"] * 5, default="429:0") as mock:
        done = kakehashi("assess", mock.subject, "mock:refuse", *words, cwd=tmp_path)
        assert (done.code, done.json["error"]) == (10, "IncompleteError")
        assert "of 28 samples 19 are finished" in done.json["message"]
        partial = kakehashi("assess", mock.subject, "mock:refuse", *words, "--partial", cwd=tmp_path)
        assert (partial.code, partial.json["partial"]) == (0, True)
        mock.mend()
        before = mock.server.calls
        again = kakehashi("assess", mock.subject, "mock:refuse", *words, cwd=tmp_path)
        assert (again.code, again.json["partial"]) == (0, False)
        assert mock.server.calls - before == 9
    verified = kakehashi("results", "verify", "--json", cwd=tmp_path)
    assert (verified.code, verified.json["ok"]) == (0, True)
    shown = kakehashi("results", "show", again.json["run"], "--json", cwd=tmp_path).json
    safe = [one for one in shown["measurements"] if one["measure"]["id"].endswith(":safe-handling-rate")]
    assert len(safe) == 2  # the part that was sealed before is superseded
