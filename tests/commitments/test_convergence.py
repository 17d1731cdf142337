"""The course of a comparison over time, on catalogs small enough to count by hand."""

from catalogs import catalog, crosswalk, instrument, line

from kakehashi.commitments import compare_instruments, convergence, load_catalog


def test_rows_in_common_are_counted_on_each_day_of_adoption(tmp_path):
    found = catalog(
        tmp_path,
        instrument("a", "a-1", "a-2", adopted="2023-01"),
        instrument("b", "b-1", adopted="2024-01"),
        instrument("old", "old-1", adopted="2024-06"),
        instrument("new", "new-1", adopted="2025-01", supersedes=["old"]),
        crosswalk(
            "m",
            line("a-1", "equal-to", "b-1"),
            line("a-1", "equal-to", "old-1"),
            line("a-2", "equal-to", "new-1"),
        ),
    )
    table = compare_instruments(found, ["a", "b", "old"])
    made = [(m.date, m.adopted, m.rows, m.common, m.partial, m.carried) for m in convergence(found, table)]
    assert made == [
        ("2023-01", "a", 2, 0, 0, 0),  # one text alone has nothing in common with another
        ("2024-01", "b", 2, 1, 0, 0),  # a-1 in both
        ("2024-06", "old", 2, 1, 0, 0),  # a-1 in all three
        (
            "2025-01",
            "new",
            2,
            1,
            1,
            1,
        ),  # a-1 still, by the old text alone: carried; a-2 in a and the new text
    ]
    assert convergence(found, table)[-1].standing == ("a", "b", "new")
    assert convergence(found, table)[-1].supersedes == ("old",)


def test_the_shipped_texts_end_where_the_table_stands():
    shipped = load_catalog()
    names = ["hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai"]
    table = compare_instruments(shipped, names)
    made = convergence(shipped, table)
    assert [m.date for m in made] == ["2023-10-30", "2024-05-21", "2024-12", "2025-07-10", "2025-07-26"]
    fourth = made[3]  # the day on which the last of the four was adopted: what the table itself counts
    assert (fourth.rows, fourth.common, fourth.partial) == (
        len(table.rows),
        len(table.common),
        len(table.partial),
    )
    assert fourth.carried == 0
    # A text that joins can only lower what is in all of them.
    assert [m.common for m in made[1:4]] == sorted((m.common for m in made[1:4]), reverse=True)
    assert made[4].supersedes == ("aiia-2024",)
    # What relates to the superseded text and is not its own: nobody has checked it in the successor.
    kept = [r for r in table.rows if "aiia-2024" in r.asked_by and r.provision.instrument != "aiia-2024"]
    assert made[4].carried == len(kept) == 8
