from __future__ import annotations

from neuraxis.wire.messages.alter_user_scram_credentials import AlterUserScramCredentialsRequest
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.scripts.replay import assert_kafkas_answers
from tests.broker.scripts.scram import EVERYBODY, change, put


def test_changes_are_taken_and_refused_as_by_kafka() -> None:
    assert_kafkas_answers(
        "scram",
        AlterUserScramCredentialsRequest,
        different={
            "change: empty password": (93, "Kafka's handler fails with -1: it is the request that is wrong")
        },
    )


def test_credentials_outlive_the_broker_and_the_salted_password_is_never_written() -> None:
    broker = CoreHarness()
    secret = b"the salted password, 32 bytes it"
    broker.connect().request(change(put("ann", salted=secret)), 0)
    again = restarted(broker)
    assert not any(secret in bytes(file.content) for file in broker.fs._files.values())
    (found,) = again.connect().request(EVERYBODY, 0).results
    assert (found.user, [(each.mechanism, each.iterations) for each in found.credential_infos]) == (
        "ann",
        [(1, 4096)],
    )
