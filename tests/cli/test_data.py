"""``kakehashi data`` as it is typed."""

from cli.commands import kakehashi

from kakehashi.evaluate.datasets import data_set


def mirror_of(tmp_path, name, body):
    """A mirror that holds one file of a set, with bytes that are not the pinned ones."""
    file = next(iter(data_set(name).files.values()))
    path = tmp_path / "mirror" / file.mirror
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    return tmp_path / "mirror"


def test_the_list_says_what_is_here_and_who_vouches(tmp_path):
    done = kakehashi("data", "list", "--json", cwd=tmp_path)
    rows = {row["name"]: row for row in done.json}
    assert rows["xstest"]["licence"] == "CC-BY-4.0"
    assert rows["xstest"]["hashes"] == "catalogue"
    assert not rows["xstest"]["here"]
    assert "first pull" in rows["hellaswag"]["hashes"]
    pinned = rows["xstest"]["sha256"]["xstest_prompts.csv"]
    assert len(pinned) == 64
    assert set(rows["hellaswag"]["sha256"].values()) == {None}
    asked = kakehashi("data", "pull", "xstest", "--mirror", tmp_path, cwd=tmp_path)  # nothing is taken yet
    assert (asked.code, f"sha256: {pinned} xstest_prompts.csv" in asked.err) == (2, True)


def test_the_list_says_what_a_mirror_has_and_takes_nothing(tmp_path):
    mirror = mirror_of(tmp_path, "facts-grounding", b"id\n")  # the first of its two files
    done = kakehashi("data", "list", "--mirror", mirror, "--json", cwd=tmp_path)
    rows = {row["name"]: row["mirror"] for row in done.json}
    _, second = data_set("facts-grounding").files.values()
    assert rows["facts-grounding"] == {
        "form": "upstream", "files": 2, "files_there": 1, "lacking": [second.mirror],
    }  # fmt: skip
    assert rows["xstest"]["files_there"] == 0
    assert (
        "\t1 of 2 files of form upstream\t" in kakehashi("data", "list", "--mirror", mirror, cwd=tmp_path).out
    )
    assert not (tmp_path / "kakehashi-work").exists()
    assert kakehashi("data", "list", "--mirror", tmp_path / "absent", cwd=tmp_path).code == 3


def test_a_set_of_which_nothing_is_here_is_not_told_to_be_as_pinned(tmp_path):
    done = kakehashi("data", "verify", "mmlu", cwd=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert "kakehashi data pull mmlu" in done.err
    assert kakehashi("data", "verify", cwd=tmp_path).out == "0 files, 0 not as pinned\n"


def test_a_script_must_say_that_the_licence_was_read(tmp_path):
    mirror = mirror_of(tmp_path, "hellaswag", b"rows that the test wrote")
    refused = kakehashi("data", "pull", "hellaswag", "--mirror", mirror, cwd=tmp_path)
    assert refused.code == 2
    assert "licence: MIT" in refused.err
    assert "--yes" in refused.err
    assert not (tmp_path / "kakehashi-work" / "data").exists()
    done = kakehashi("data", "pull", "hellaswag", "--mirror", mirror, "--yes", cwd=tmp_path)
    assert done.code == 0
    assert "nobody checked these bytes here" in done.out
    assert kakehashi("data", "verify", cwd=tmp_path).out.endswith("1 files, 0 not as pinned\n")
    kept = next((tmp_path / "kakehashi-work" / "data" / "hellaswag").glob("*.parquet"))
    kept.write_bytes(b"other")
    wrong = kakehashi("data", "verify", "hellaswag", cwd=tmp_path)
    assert wrong.code == 6
    assert "kakehashi data pull hellaswag" in wrong.err


def test_prompts_that_stand_twice_are_counted_and_kept(tmp_path):
    rows = ["id,risk_area,types_of_harm,specific_harms,question"]
    # six rows, four texts: one stands three times (once with a space after it), so two are repetitions
    rows += [f"{n},a,b,c,{text}" for n, text in enumerate(["q 1", "q 2", "q 1", "q 3", "q 4", "q 1 "])]
    mirror = mirror_of(tmp_path, "do-not-answer", "\n".join(rows).encode())
    done = kakehashi("data", "pull", "do-not-answer", "--mirror", mirror, "--yes", cwd=tmp_path)
    assert done.code == 0, done.err
    line = "do-not-answer: 6 prompts, 2 of them a repetition of an earlier one; all are kept\n"
    assert line in done.out
    assert line in kakehashi("data", "verify", cwd=tmp_path).out


def test_changed_columns_are_told_when_the_set_is_pulled(tmp_path):
    mirror = mirror_of(tmp_path, "do-not-answer", b"id,query\n1,q 1\n")
    done = kakehashi("data", "pull", "do-not-answer", "--mirror", mirror, "--yes", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "do-not-answer: the rows cannot be read: " in done.out
    assert "has no column 'question'; its columns are id, query" in done.out


def test_wrong_bytes_in_a_mirror_end_with_code_6_and_an_unknown_set_with_2(tmp_path):
    mirror = mirror_of(tmp_path, "xstest", b"id,prompt\n1,other bytes\n")
    done = kakehashi("data", "pull", "xstest", "--mirror", mirror, "--yes", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]) == (6, "VerificationError")
    unknown = kakehashi("data", "pull", "xtest", "--yes", cwd=tmp_path)
    assert unknown.code == 2
    assert "xstest" in unknown.err
