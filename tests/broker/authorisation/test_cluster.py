"""What requests about the cluster are asked; `test_walk.py` compares whole answers with Kafka's."""

from __future__ import annotations

from neuraxis.broker.operations import CLUSTER_OPERATIONS, CREATE, DESCRIBE, bit_field
from neuraxis.wire.messages.describe_cluster import DescribeClusterRequest
from neuraxis.wire.messages.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from tests.broker.authorisation.test_guard import DENIED, grant, peer_of, with_a_topic


def test_the_operations_of_the_cluster_are_those_of_who_asks_and_none_without_describe() -> None:
    broker = with_a_topic()
    request = DescribeClusterRequest(include_cluster_authorized_operations=True)
    ann = peer_of(broker, "ann")
    grant(broker, CREATE, kind=4, name="kafka-cluster")
    assert ann.request(request, 0).cluster_authorized_operations == 0
    grant(broker, DESCRIBE, kind=4, name="kafka-cluster")
    assert ann.request(request, 0).cluster_authorized_operations == bit_field(CREATE, DESCRIBE)
    admins = peer_of(broker, "admin").request(request, 0)
    assert admins.cluster_authorized_operations == CLUSTER_OPERATIONS


def test_each_kind_of_config_resource_has_its_own_refusal() -> None:
    broker = with_a_topic()
    kinds = {2: DENIED, 4: 31, 16: 31, 32: 30}
    resources = [DescribeConfigsResource(kind, "1") for kind in kinds]
    answer = peer_of(broker, "ann").request(DescribeConfigsRequest(resources=resources), 4)
    assert {each.resource_type: each.error_code for each in answer.results} == kinds
    assert all(each.configs == [] for each in answer.results)
