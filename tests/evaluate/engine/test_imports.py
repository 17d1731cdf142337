import subprocess
import sys

import pytest

import kakehashi.evaluate.engine


@pytest.mark.parametrize("module", ["kakehashi", "kakehashi.evaluate.engine"])
def test_importing_does_not_load_the_http_client(module: str) -> None:
    program = f"import {module}, sys; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_public_room_names_what_it_holds() -> None:
    names = kakehashi.evaluate.engine.__all__
    assert names == sorted(names)
    assert all(hasattr(kakehashi.evaluate.engine, name) for name in names)
