"""The same promises of every kind of depot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import MemoryStore, S3Store

import neuraxis
from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.depots import Depot, DirectoryDepot, ObjectDepot, open_depot
from neuraxis.operate.backup.restoring import restore
from tests.operate.backup.support import produce, read, take


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def bucket(endpoint: str, name: str) -> S3Store:
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")).close()
    return S3Store(
        name,
        config={
            "endpoint": endpoint,
            "access_key_id": "x",
            "secret_access_key": "y",
            "region": "us-east-1",
            "virtual_hosted_style_request": False,
        },
        client_options={"allow_http": True},
        prefix="drives",
    )


@pytest.fixture(params=["directory", "memory", "s3"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Depot:
    if request.param == "directory":
        return DirectoryDepot(tmp_path / "depot")
    if request.param == "memory":
        return ObjectDepot(MemoryStore())
    return ObjectDepot(bucket(request.getfixturevalue("s3"), f"bucket-{abs(hash(tmp_path)) % 10**9}"))


def test_what_was_put_is_there_under_its_name(depot: Depot) -> None:
    assert not depot.has("pieces/ab/abc")
    assert depot.names("backups/") == []
    depot.put("pieces/ab/abc", b"a piece")
    depot.put("backups/2.json", b"2")
    depot.put("backups/1.json", b"1")
    depot.put("backups/1.json", b"one")
    depot.settle()
    assert depot.has("pieces/ab/abc")
    assert depot.get("pieces/ab/abc") == b"a piece"
    assert depot.names("backups/") == ["backups/1.json", "backups/2.json"]
    assert depot.get("backups/1.json") == b"one"
    with pytest.raises(FileNotFoundError):
        depot.get("backups/3.json")


def test_what_was_removed_is_gone_and_sizes_are_told(depot: Depot) -> None:
    depot.put("pieces/ab/abc", b"a piece")
    depot.put("pieces/ab/abd", b"another one")
    assert depot.sizes("pieces/ab/") == {"pieces/ab/abc": 7, "pieces/ab/abd": 11}
    depot.remove("pieces/ab/abc")
    depot.remove("pieces/ab/abc")
    depot.remove("pieces/cd/never")
    depot.settle()
    assert depot.sizes("pieces/ab/") == {"pieces/ab/abd": 11}
    assert depot.sizes("pieces/cd/") == {}


def test_a_broker_is_backed_up_there_and_brought_back(depot: Depot, tmp_path: Path) -> None:
    with neuraxis.Broker(tmp_path / "data") as broker:
        produce(broker, "drives", range(100))
        first = take(broker, depot)
        produce(broker, "drives", range(100, 200))
        second = take(broker, depot)
    assert second.copied_bytes > 0
    for manifest, count in ((first, 100), (second, 200)):
        target = tmp_path / manifest.id
        restore(depot, str(target), manifest.id)
        with neuraxis.Broker(target) as broker:
            assert read(broker, "readers", "drives", count) == list(range(count))


def test_a_path_and_a_url_lead_to_a_depot(tmp_path: Path) -> None:
    for where in (str(tmp_path), f"file://{tmp_path}"):
        found = open_depot(where)
        assert isinstance(found, DirectoryDepot)
        assert found.root == tmp_path
    assert isinstance(open_depot("memory:///"), ObjectDepot)
    with pytest.raises(ClientError, match="cannot be used"):
        open_depot("gopher://nowhere")
