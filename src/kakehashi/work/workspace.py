"""The workspace: one folder, one address for each thing in it."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """Addresses inside a workspace folder; nothing is made before it is needed.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def of(cls, folder: Path | str | None = None) -> "Workspace":
        """The workspace in a folder; where none is named, in ``KAKEHASHI_HOME``, else in ``kakehashi-work``.

        Examples:
            >>> Workspace.of("mine").ledger.as_posix()
            'mine/ledger'
        """
        return cls(Path(folder or os.environ.get("KAKEHASHI_HOME") or "kakehashi-work"))

    @property
    def ledger(self) -> Path:
        """The append-only store of results."""
        return self.path / "ledger"

    @property
    def runs(self) -> Path:
        """Run folders: the only resume points."""
        return self.path / "runs"

    @property
    def cache(self) -> Path:
        """Responses by the hash of the wire request."""
        return self.path / "cache" / "responses.sqlite"

    def cache_of(self, release: str) -> Path:
        """Responses of a named release: none of another's, nor of the plain cache; without a name the plain cache."""
        if not release:
            return self.cache
        return self.cache.with_name(f"release-{sha256(release.encode()).hexdigest()[:12]}.sqlite")

    @property
    def models(self) -> Path:
        """Weights of embedded models, under their own hash."""
        return self.path / "models"

    @property
    def data(self) -> Path:
        """Upstream data sets that were pulled, with the pins of their first pull."""
        return self.path / "data"

    @property
    def exchange(self) -> Path:
        """The node that exchanges findings with other institutes."""
        return self.path / "exchange"

    @property
    def documents(self) -> Path:
        """Documents that are evidence, each under the hash of its bytes."""
        return self.path / "evidence"

    @property
    def methods(self) -> Path:
        """Descriptions of the user's own methods."""
        return self.path / "methods"

    @property
    def aliases(self) -> Path:
        """Which names mean the same model, as the user has decided."""
        return self.path / "aliases.json"
