"""The table of metrics: names that Prometheus takes, units at the end, and nothing said twice."""

from __future__ import annotations

import re

from neuraxis.broker.metrics.families import COUNTER, FAMILIES, GAUGE, HISTOGRAM


def test_names_follow_the_rules_that_prometheus_sets() -> None:
    names = [family.name for family in FAMILIES.values()]
    assert len(set(names)) == len(names)
    for family in FAMILIES.values():
        assert re.fullmatch(r"(neuraxis|process)_[a-z_]+", family.name), family
        assert family.kind in (COUNTER, GAUGE, HISTOGRAM), family
        assert family.name.endswith("_total") == (family.kind == COUNTER), family
        assert not set(family.labels) & {"le", "quantile"}, family
        assert family.text.endswith("."), family


def test_a_family_says_what_kafka_calls_it_and_its_unit() -> None:
    requests = FAMILIES["requests_total"]
    assert requests.labels == ("api", "version")
    assert requests.kafka == "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=,version="
    assert (FAMILIES["memory_bytes"].unit, FAMILIES["work_seconds"].unit, requests.unit) == ("By", "s", "1")
    assert FAMILIES["work_seconds"].scale == 1e-9
    assert FAMILIES["info"].kafka == "kafka.server:type=app-info"
