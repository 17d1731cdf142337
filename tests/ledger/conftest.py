"""What the tests of the ledger share."""

from pathlib import Path

import pytest

from kakehashi.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path):
    """An empty ledger, open for writing."""
    with Ledger.init(tmp_path / "ledger") as opened:
        yield opened
