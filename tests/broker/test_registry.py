from __future__ import annotations

import pkgutil

import pytest

from neuraxis.broker import handlers
from neuraxis.broker.registry import api_table, render_table
from neuraxis.wire import messages

TABLE = api_table()


def test_every_handler_module_serves_exactly_one_key() -> None:
    modules = {module.name for module in pkgutil.iter_modules(handlers.__path__)}
    serving = [api.handler.__module__.rsplit(".", 1)[-1] for api in TABLE.values()]
    assert sorted(serving) == sorted(modules)


def test_the_table_is_in_the_order_of_the_keys() -> None:
    assert list(TABLE) == sorted(TABLE)


@pytest.mark.parametrize("key", sorted(TABLE))
def test_every_version_served_can_be_decoded_and_answered(key: int) -> None:
    api, known = TABLE[key], messages.versions(key)
    assert known[0] <= api.minimum <= api.maximum <= known[-1]
    assert api.advertised_minimum <= api.minimum
    assert api.needs


@pytest.mark.parametrize("key", sorted(TABLE))
def test_every_handlers_first_lines_name_its_key_and_versions(key: int) -> None:
    api = TABLE[key]
    module = __import__(api.handler.__module__, fromlist=["x"])
    first = str(module.__doc__).split("\n\n")[0]
    assert f"(key {key})" in first, first
    shown = f"{api.minimum}-{api.maximum}" if api.minimum != api.maximum else f"{api.minimum}"
    assert f"versions {shown}" in first or f"version {shown}" in first, first


def test_a_line_says_key_name_versions_module_and_needs() -> None:
    lines = render_table({0: TABLE[0], 18: TABLE[18]}).splitlines()
    assert lines == [
        "  0 Produce 0-13 (served from 3) | produce | WRITE topic",
        " 18 ApiVersions 0-5 | api_versions | nothing",
    ]
