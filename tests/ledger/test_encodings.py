"""Tables as Japanese spreadsheets save them."""

from pathlib import Path

import pytest

from kakehashi.ledger.encodings import decode_table
from kakehashi.ledger.importers.csv_table import table_rows


def test_a_table_in_cp932_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("モデル,スコア\r\n日本語モデル①,0.5\r\n".encode("cp932"))
    header, rows = table_rows(path)
    assert header == ["モデル", "スコア"]
    assert [row for _, row in rows] == [{"モデル": "日本語モデル①", "スコア": "0.5"}]


@pytest.mark.parametrize("text", ["été,à la carte\n1,2\n", "naïve résumé\n", "Ünïcödé ñandú\n"])
def test_western_text_in_another_encoding_is_not_taken_for_japanese(text: str) -> None:
    for encoding in ("latin-1", "cp1252"):
        with pytest.raises(UnicodeDecodeError):
            decode_table(text.encode(encoding))
