"""FindCoordinator: always this node, at the address of the client's listener."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from neuraxis.broker.node import OFFSETS_TOPIC
from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from tests.broker.harness import CoreHarness

TOPIC_ID = base64.urlsafe_b64encode(bytes(range(16))).decode().rstrip("=")


def find(version: int, key_type: int, *keys: str) -> Any:
    request = FindCoordinatorRequest(key=keys[0], key_type=key_type, coordinator_keys=list(keys))
    return CoreHarness().connect().request(request, version)


@pytest.mark.parametrize("version", range(4))
def test_one_key_is_answered_at_the_top(version: int) -> None:
    answer = find(version, 0, "g")
    assert (answer.error_code, answer.node_id, answer.host, answer.port) == (0, 1, "broker.test", 9092)
    assert answer.error_message == ("NONE" if version else "")


@pytest.mark.parametrize("version", [4, 5, 6])
def test_several_keys_are_answered_each(version: int) -> None:
    answer = find(version, 0, "a", "", "b")
    shown = [(each.key, each.error_code, each.node_id, each.port) for each in answer.coordinators]
    assert shown == [("a", 0, 1, 9092), ("", 0, 1, 9092), ("b", 0, 1, 9092)]


def test_the_offsets_topic_comes_to_be_with_the_first_question_about_a_group() -> None:
    harness = CoreHarness()
    peer = harness.connect()
    peer.request(FindCoordinatorRequest(key="t", key_type=1), 3)
    assert OFFSETS_TOPIC not in harness.node.topics
    peer.request(FindCoordinatorRequest(key="g", key_type=0), 3)
    assert OFFSETS_TOPIC in harness.node.topics


def test_transactions_are_coordinated_here_too() -> None:
    assert find(3, 1, "t").node_id == 1
    assert find(6, 1, "t").coordinators[0].node_id == 1


def test_an_unknown_key_type_is_refused() -> None:
    answer = find(3, 7, "x")
    assert (answer.error_code, answer.node_id, answer.port) == (42, -1, -1)
    (each,) = find(6, 7, "x").coordinators
    assert (each.error_code, each.node_id, each.port) == (42, -1, -1)
    assert "Key type 7" in each.error_message


@pytest.mark.parametrize(
    ("version", "key", "code"),
    [
        (5, f"g:{TOPIC_ID}:0", 42),
        (6, f"g:{TOPIC_ID}:0", 0),
        (6, f"g:with:colons:{TOPIC_ID}:12", 0),
        (6, f"g:{TOPIC_ID}:-1", 0),
        (6, "g", 42),
        (6, f"g:{TOPIC_ID}:x", 42),
        (6, "g:short:0", 42),
        (6, "g:\u00e9\u00e9\u00e9:0", 42),
        (6, f":{TOPIC_ID}:0", 42),
    ],
)
def test_share_keys_name_group_topic_and_partition(version: int, key: str, code: int) -> None:
    assert find(version, 2, key).coordinators[0].error_code == code
