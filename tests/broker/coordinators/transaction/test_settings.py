from __future__ import annotations

from neuraxis.broker.coordinators.transaction.settings import TransactionSettings
from tests.broker.coordinators.transaction.world import FixedSettings


def test_the_defaults_are_kafkas() -> None:
    assert TransactionSettings.read(FixedSettings()) == TransactionSettings()


def test_they_are_read_by_kafkas_names() -> None:
    read = TransactionSettings.read(
        FixedSettings(transaction_max_timeout_ms=5, transactional_id_expiration_ms=6)
    )
    assert (read.max_timeout_ms, read.expiration_ms) == (5, 6)
