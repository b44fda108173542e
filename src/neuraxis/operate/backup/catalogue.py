"""The backups of a depot: which there are, newest first, and one by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.manifest import FOLDER, SUFFIX, Manifest, id_of, name_of, parse

if TYPE_CHECKING:
    from neuraxis.operate.backup.depots import Depot


class Catalogue:
    """What a depot holds."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    def ids(self) -> list[str]:
        """The ids of all backups, oldest first."""
        return sorted(id_of(name) for name in self._depot.names(FOLDER) if name.endswith(SUFFIX))

    def read(self, backup_id: str) -> Manifest:
        """One backup. Raises ClientError if there is none or its manifest is damaged."""
        name = name_of(backup_id)
        try:
            return parse(name, self._depot.get(name))
        except FileNotFoundError as error:
            known = self.ids()
            raise ClientError(
                f"there is no backup {backup_id}",
                f"there are {', '.join(known[-5:])}" if known else "take one with `neuraxis backup create`",
            ) from error

    def newest(self) -> Manifest:
        """The newest backup. Raises ClientError if there is none or its manifest is damaged."""
        ids = self.ids()
        if not ids:
            raise ClientError("there is no backup here", "take one with `neuraxis backup create`")
        return self.read(ids[-1])

    def newest_whole(self) -> Manifest | None:
        """The newest backup whose manifest can be read, None if there is none."""
        for backup_id in reversed(self.ids()):
            try:
                return self.read(backup_id)
            except ClientError:
                continue
        return None

    def latest_epoch(self, since: Manifest) -> int:
        """The newest leader epoch that any client was shown, as far as backups from this one on know."""
        epochs = [since.leader_epoch]
        for backup_id in self.ids():
            if backup_id > since.id:
                try:
                    epochs.append(self.read(backup_id).leader_epoch)
                except ClientError:
                    continue
        return max(epochs)
