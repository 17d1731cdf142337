"""Mutual TLS: who shows no certificate, or another authority's, is not even asked for a token."""

import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nodes import GREEN, vulnerability
from two_nodes import deposit, institute

from kakehashi.errors import EndpointUnreachableError, InputError
from kakehashi.exchange import Caller, pull
from kakehashi.exchange.tls import Tls

pytest.importorskip("uvicorn")


def issue(folder, name, signer=None):
    """A certificate and its key in one PEM file each; its own authority unless one is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing = (subject, key) if signer is None else signer
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
        .sign(signing, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return subject, key


def test_a_node_lets_in_only_who_shows_a_certificate_of_its_authority(tmp_path, monkeypatch):
    import uvicorn

    from kakehashi.exchange.server import serve

    authority = issue(tmp_path, "authority")
    for name in ("server", "client"):
        issue(tmp_path, name, authority)
    issue(tmp_path, "stranger")
    hub, ours = institute(tmp_path, "hub"), institute(tmp_path, "ours")
    deposit(hub, vulnerability(1, GREEN))
    here = frozenset({hub.collection("findings").id})
    hub.store.put_member(Caller(ours.owner, "green", reads=here), "ours")
    token = hub.tokens.issue(ours.owner)[1]
    with pytest.raises(InputError, match="over TLS only"):
        serve(hub, client_authority=tmp_path / "authority.pem")

    up, found, servers = threading.Event(), [], []
    monkeypatch.setattr(uvicorn.Server, "capture_signals", lambda self: _quiet(self, servers))
    thread = threading.Thread(
        target=serve,
        args=(hub,),
        kwargs={
            "certificate": tmp_path / "server.pem",
            "key": tmp_path / "server.key",
            "client_authority": tmp_path / "authority.pem",
            "ready": lambda address: (found.append(address), up.set()),
        },
        daemon=True,
    )
    thread.start()
    assert up.wait(10)
    assert found[0].startswith("https://127.0.0.1:")
    url = found[0].removesuffix("taxii2/") + "api/collections/findings/"
    trusted = tmp_path / "authority.pem"
    good = Tls(tmp_path / "client.pem", tmp_path / "client.key", trusted)
    assert pull(ours, url, token, tls=good).new == 1
    for tls in (
        Tls(trusted=trusted),
        Tls(tmp_path / "stranger.pem", tmp_path / "stranger.key", trusted),
        Tls(
            tmp_path / "client.pem", tmp_path / "client.key"
        ),  # and a server that is not trusted gets no token
    ):
        with pytest.raises(EndpointUnreachableError):
            pull(ours, url, token, tls=tls)
    with pytest.raises(InputError, match="not a certificate"):
        pull(ours, url, token, tls=Tls(tmp_path / "client.pem", tmp_path / "server.key", trusted))
    servers[0].should_exit = True
    thread.join(20)
    for node in (hub, ours):
        node.store.close()


def _quiet(server, servers):
    """In a thread there are no signals to wait for; keeps the server, so that it can be stopped."""
    from contextlib import nullcontext

    servers.append(server)
    return nullcontext()
