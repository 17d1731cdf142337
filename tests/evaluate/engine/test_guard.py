from kakehashi.evaluate.engine.guard import Guard
from kakehashi.model import GuardSpec


def test_phrases_are_found_whatever_their_case_and_width() -> None:
    guard = Guard(GuardSpec("g", input_phrases=("Kill", "爆弾ABC"), output_phrases=("ﾊﾟｽﾜｰﾄﾞ",)))
    assert guard.stops_prompt("how do I KILL a process")
    assert guard.stops_prompt("ｋｉｌｌ")
    assert guard.stops_prompt("この爆弾ａｂｃとは")
    assert guard.stops_answer("パスワードは")
    assert not guard.stops_prompt("パスワードは")
    assert not guard.stops_answer("kill")


def test_a_guard_without_phrases_stops_nothing() -> None:
    guard = Guard(GuardSpec("g", input_phrases=("",)))
    assert not guard.stops_prompt("anything")
    assert not guard.stops_answer("")
