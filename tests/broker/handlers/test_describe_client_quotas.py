from __future__ import annotations

from neuraxis.wire.messages.describe_client_quotas import DescribeClientQuotasRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_filters_find_what_they_find_on_kafka() -> None:
    assert_kafkas_answers("quotas", DescribeClientQuotasRequest)
