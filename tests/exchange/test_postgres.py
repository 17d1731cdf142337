"""What only a served database can do: go away, come back, be reached with a password, and serve several processes."""

import json
import signal

import nodes
import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from nodes import FINDINGS, GREEN, RED, member, names, store_with, vulnerability
from pg_server import PostgresServer, server
from test_state import Exchange

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, StorageError
from kakehashi.exchange import Node
from kakehashi.exchange.node import DATABASE_VARIABLE
from kakehashi.exchange.postgres import MOST_CONNECTIONS, PostgresDatabase, place_of
from kakehashi.exchange.sql_store import SqlStore

pytestmark = pytest.mark.xdist_group("postgres")
A, B = member(1), member(2)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(nodes, "fresh_address", server().fresh)
    made = store_with(tmp_path, A, B)
    yield made
    made.close()


def test_no_step_loses_or_leaks_anything_on_postgresql(monkeypatch):
    monkeypatch.setattr(nodes, "fresh_address", server().fresh)
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Exchange,
        settings=settings(
            max_examples=3, stateful_step_count=20, deadline=None, suppress_health_check=quiet, database=None
        ),
    )


@pytest.mark.proof
def test_no_step_loses_or_leaks_anything_on_postgresql_in_many_histories(monkeypatch):
    monkeypatch.setattr(nodes, "fresh_address", server().fresh)
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Exchange,
        settings=settings(
            max_examples=100,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=quiet,
            database=None,
        ),
    )


def test_a_server_that_goes_away_is_said_and_what_was_acknowledged_is_there_when_it_is_back():
    own = PostgresServer()
    try:
        address = own.fresh()
        store = SqlStore(PostgresDatabase(address), create=True)
        store.put_member(A, "a")
        assert store.post(A, FINDINGS, [vulnerability(1, GREEN)]).outcomes[0].new
        own.stop(signal.SIGQUIT)
        with pytest.raises(StorageError, match="does not answer"):
            store.post(A, FINDINGS, [vulnerability(2, GREEN)])
        own.start()
        assert (
            store.post(A, FINDINGS, [vulnerability(2, GREEN)]).outcomes[0].new
        )  # the stale connection is replaced
        assert len(names(store.page(A, FINDINGS))) == 2
        assert store.verify().findings == ()
        store.close()
    finally:
        own.remove()


def test_a_session_that_is_ended_in_the_middle_leaves_nothing_half_stored(store):
    def cut_short():
        with store.writing() as con:
            con.execute("INSERT INTO meta VALUES ('half', 'done')")
            with psycopg.connect(server().address("postgres"), autocommit=True) as other:
                ours = (str(store.path).rpartition("/")[2],)
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", ours
                )
            con.execute("INSERT INTO meta VALUES ('whole', 'done')")

    with pytest.raises(StorageError):
        cut_short()
    assert (store.meta("half"), store.meta("whole")) == (None, None)
    assert store.post(A, FINDINGS, [vulnerability(1, GREEN)]).outcomes[0].new


def test_an_error_inside_takes_everything_back_and_the_connection_serves_on(store):
    def twice():
        with store.writing() as con:
            con.execute("INSERT INTO meta VALUES ('one', '1')")
            con.execute("INSERT INTO meta VALUES ('one', '2')")

    with pytest.raises(InputError, match="is here already"):
        twice()
    assert store.meta("one") is None
    with pytest.raises(InputError, match="NUL"):
        store.set_meta("nul", "a\x00b")
    with pytest.raises(RuntimeError, match="cannot begin to write"), store.reading(), store.writing():
        pass
    assert store.meta("format") == "kakehashi.exchange/1"


def test_many_threads_share_few_connections(store):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(40) as threads:
        found = list(threads.map(lambda n: store.post(A, FINDINGS, [vulnerability(n, GREEN)]), range(1, 81)))
    assert all(receipt.outcomes[0].new for receipt in found)
    assert [entry.seq for entry in store.page(B, FINDINGS).entries] == list(range(1, 81))
    with store.reading() as con:
        mine = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
        assert con.execute(mine).fetchone()[0] <= MOST_CONNECTIONS


def test_texts_are_compared_byte_by_byte(store):
    # Another order of letters would move cursors and versions: "Z" comes before "a", and "a-b" before "ab".
    with store.writing() as con:
        for key in ("sort:ab", "sort:a-b", "sort:Z", "sort:あ"):
            con.execute("INSERT INTO meta VALUES (?, '')", (key,))
        found = [row[0] for row in con.execute("SELECT key FROM meta WHERE key LIKE 'sort:%' ORDER BY key")]
    assert found == ["sort:Z", "sort:a-b", "sort:ab", "sort:あ"]


def test_a_password_is_never_shown_nor_kept(tmp_path, monkeypatch):
    secret = "pw-canary-91c3"
    plain = server().fresh()
    address = plain.replace(
        "postgres@", f"postgres:{secret}@"
    )  # the tests' server trusts everybody on loopback
    shown = []

    def run(*words, code=0, **env):
        done = CliRunner(env=env).invoke(cli, [*words, "--workspace", str(tmp_path)])
        shown.append(done.output + str(done.exception or ""))
        found = done.exit_code if done.exception is None else getattr(done.exception, "exit_code", 1)
        assert found == code, done.output
        return done

    made = run("exchange", "init", "Institute A", "--db", address, "--json")
    assert json.loads(made.stdout)["database"] == plain
    run("exchange", "verify")
    run("exchange", "verify", **{DATABASE_VARIABLE: address})
    run("exchange", "verify", code=3, **{DATABASE_VARIABLE: address.replace("/node", "/other")})
    run("exchange", "init", "Institute B", "--db", address, code=3)
    monkeypatch.setenv(DATABASE_VARIABLE, address)
    assert Node.open(tmp_path / "exchange").name == "Institute A"
    assert secret not in "".join(shown)
    assert not [
        path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
    ]
    with pytest.raises(InputError, match="a node uses this database already"):
        Node.init(tmp_path / "other", "Institute B", db=address)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://me:pw-canary-91c3@db.example.org/x", "without TLS"),
        ("postgresql://me:pw-canary-91c3@db.example.org/x?sslmode=prefer", "without TLS"),
        ("postgresql://me:pw-canary-91c3@10.0.0.1:x y/x", "without TLS|no address"),
        ("mysql://me:pw-canary-91c3@h/x", "no address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(address, said):
    with pytest.raises(InputError, match=said) as raised:
        PostgresDatabase(address)
    assert "pw-canary" not in str(raised.value)


def test_where_a_database_is_says_all_but_the_password():
    # by hand from libpq's documentation of connection URIs and keywords
    assert place_of("postgresql://me:pw@[::1]:5433/x") == "postgresql://me@::1:5433/x"
    assert place_of("host=/run/pg dbname=x user=me password=pw") == "postgresql://me@/x?host=/run/pg"
    full = "postgresql://me:pw@db.example.org/x?sslmode=verify-full"
    assert place_of(full) == "postgresql://me@db.example.org/x?sslmode=verify-full"


def test_what_was_deleted_is_read_by_nobody_and_its_rows_are_vacuumed(store):
    canary = "deleted-canary-5a1"
    store.post(A, FINDINGS, [vulnerability(1, RED, description=canary)])
    ref = vulnerability(1)["id"]
    assert store.withdraw(A, FINDINGS, ref) == 1
    with store.reading() as con:
        for table in ("objects", "log", "heads", "statuses"):
            assert canary not in str(con.execute(f"SELECT * FROM {table}").fetchall())
        vacuumed = "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'objects'"
        assert con.execute(vacuumed).fetchone()[0] == 1
