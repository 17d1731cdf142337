"""Certificates of a client: what it shows to a node that asks for one (mutual TLS), and whom it trusts."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from kakehashi.errors import InputError


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates to show and to trust.

    Attributes:
        certificate: PEM file of the certificate to show.
        key: PEM file of its key, where it is not in the same file.
        trusted: PEM file of authorities to trust instead of the system's.
    """

    certificate: Path | None = None
    key: Path | None = None
    trusted: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The settings of a connection.

        Raises:
            InputError: A file is missing, no certificate, or the key does not fit.
        """
        try:
            made = ssl.create_default_context(cafile=None if self.trusted is None else str(self.trusted))
            if self.certificate is not None:
                made.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            path = self.trusted if self.certificate is None else self.certificate
            raise InputError(
                f"not a certificate that can be used: {error.strerror or error}",
                path=path,
                hint="Give PEM files; the key must belong to the certificate.",
            ) from error
        return made
