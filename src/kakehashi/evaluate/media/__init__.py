"""Media that systems make: whether they carry Content Credentials that hold."""

from kakehashi.evaluate.media.credentials import STATES, CredentialCheck, CredentialReader

__all__ = ["STATES", "CredentialCheck", "CredentialReader"]
