"""Client quotas: AlterClientQuotas and DescribeClientQuotas."""

from __future__ import annotations

from neuraxis.wire.messages import alter_client_quotas as alter
from neuraxis.wire.messages import describe_client_quotas as describe
from tests.broker.scripts.player import Script, Step

Entity = dict[str, str | None]
EXACT, DEFAULT, ANY = 0, 1, 2


def entry(
    entity: Entity | list[tuple[str, str | None]],
    ops: dict[str, float | None] | list[tuple[str, float | None]],
) -> alter.EntryData:
    pairs = list(entity.items()) if isinstance(entity, dict) else entity
    steps = list(ops.items()) if isinstance(ops, dict) else ops
    return alter.EntryData(
        entity=[alter.EntityData(entity_type=kind, entity_name=name) for kind, name in pairs],
        ops=[
            alter.OpData(key=key, value=0.0 if value is None else value, remove=value is None)
            for key, value in steps
        ],
    )


def change(*entries: alter.EntryData, validate_only: bool = False) -> alter.AlterClientQuotasRequest:
    return alter.AlterClientQuotasRequest(entries=list(entries), validate_only=validate_only)


def find(
    *components: tuple[str, int, str | None], strict: bool = False
) -> describe.DescribeClientQuotasRequest:
    return describe.DescribeClientQuotasRequest(
        components=[
            describe.ComponentData(entity_type=kind, match_type=match, match=name)
            for kind, match, name in components
        ],
        strict=strict,
    )


BYTES = {"producer_byte_rate": 1000.0}
SET = [
    ("user", entry({"user": "bob"}, BYTES)),
    ("user default", entry({"user": None}, {"consumer_byte_rate": 2000.0})),
    ("client", entry({"client-id": "app"}, {"request_percentage": 12.5, "producer_byte_rate": 5.0})),
    ("client default", entry({"client-id": None}, {"controller_mutation_rate": 1.5})),
    ("user and client", entry({"user": "bob", "client-id": "app"}, BYTES)),
    ("client and user", entry({"client-id": "app2", "user": "bob"}, BYTES)),
    ("user and default client", entry({"user": "bob", "client-id": None}, BYTES)),
    ("defaults of both", entry({"user": None, "client-id": None}, BYTES)),
    ("ip", entry({"ip": "10.0.0.7"}, {"connection_creation_rate": 10.0})),
    ("ip default", entry({"ip": None}, {"connection_creation_rate": 11.0})),
    ("ip v6", entry({"ip": "::1"}, {"connection_creation_rate": 10.0})),
    ("strange user", entry({"user": "CN=a b,O=c/%&=é"}, BYTES)),
    ("umlaut client", entry({"client-id": "ä ö"}, BYTES)),
]
REFUSED = [
    ("no entity", entry({}, BYTES)),
    ("unknown type", entry({"device": "x"}, BYTES)),
    ("type in capitals", entry({"User": "x"}, BYTES)),
    ("same type twice", entry([("user", "a"), ("user", "b")], BYTES)),
    ("user and ip", entry({"user": "a", "ip": "10.0.0.1"}, {"connection_creation_rate": 10.0})),
    ("client and ip", entry({"client-id": "a", "ip": "10.0.0.1"}, BYTES)),
    ("empty user", entry({"user": ""}, BYTES)),
    ("empty client", entry({"client-id": ""}, BYTES)),
    ("empty ip", entry({"ip": ""}, {"connection_creation_rate": 10.0})),
    ("empty type", entry({"": "x"}, BYTES)),
    ("bad ip", entry({"ip": "999.0.0.1"}, {"connection_creation_rate": 10.0})),
    ("host", entry({"ip": "no-such-host.invalid"}, {"connection_creation_rate": 10.0})),
    ("unknown key", entry({"user": "x"}, {"what": 1.0})),
    ("empty key", entry({"user": "x"}, {"": 1.0})),
    ("ip key on user", entry({"user": "x"}, {"connection_creation_rate": 1.0})),
    ("user key on ip", entry({"ip": "10.0.0.1"}, BYTES)),
    ("zero", entry({"user": "x"}, {"producer_byte_rate": 0.0})),
    ("negative", entry({"user": "x"}, {"producer_byte_rate": -1.0})),
    ("half a byte", entry({"user": "x"}, {"producer_byte_rate": 1.5})),
    ("nearly whole", entry({"user": "y1"}, {"producer_byte_rate": 100.0000001})),
    ("huge", entry({"user": "y2"}, {"producer_byte_rate": 1e30})),
    ("largest", entry({"user": "y3"}, {"producer_byte_rate": 9.223372036854775e18})),
    ("nan", entry({"user": "x"}, {"producer_byte_rate": float("nan")})),
    ("infinite", entry({"user": "x"}, {"request_percentage": float("inf")})),
    ("percentage nan", entry({"user": "y4"}, {"request_percentage": float("nan")})),
    ("percentage above 100", entry({"user": "y5"}, {"request_percentage": 250.0})),
    ("percentage zero", entry({"user": "x"}, {"request_percentage": 0.0})),
    ("half a connection", entry({"ip": "10.0.0.9"}, {"connection_creation_rate": 0.5})),
    ("connections beyond an int", entry({"ip": "10.0.0.9"}, {"connection_creation_rate": 3e9})),
    ("mutation rate half", entry({"user": "y6"}, {"controller_mutation_rate": 0.5})),
    ("remove what is not there", entry({"user": "nobody"}, {"producer_byte_rate": None})),
    ("remove unknown key", entry({"user": "bob"}, {"what": None})),
    ("remove with a key of another kind", entry({"user": "bob"}, {"connection_creation_rate": None})),
    ("nothing to do", entry({"user": "idle"}, {})),
    ("a good and a bad key", entry({"user": "y7"}, {"producer_byte_rate": 10.0, "what": 1.0})),
    ("same key twice", entry({"user": "y8"}, [("producer_byte_rate", 10.0), ("producer_byte_rate", 20.0)])),
    ("set and remove", entry({"user": "y9"}, [("producer_byte_rate", 10.0), ("producer_byte_rate", None)])),
    ("default name of the tool", entry({"user": "<default>"}, BYTES)),
]

STEPS = [
    *(Step(f"set v1: {name}", change(one), 1) for name, one in SET),
    Step("all", find(), 1),
    *(Step(f"try: {name}", change(one), 1) for name, one in REFUSED),
    Step("set v0", change(entry({"user": "old"}, BYTES)), 0),
    Step("validate", change(entry({"user": "dry"}, BYTES), validate_only=True), 1),
    Step("validate: bad", change(entry({"user": "dry"}, {"what": 1.0}), validate_only=True), 1),
    Step("several", change(entry({"user": "s1"}, BYTES), entry({"user": "x"}, {"what": 1.0}), entry({"user": "s2"}, BYTES)), 1),
    Step("no entries", change(), 1),
    Step("all after", find(), 1),
    Step("all v0", find(), 0),
    Step("strict: nothing", find(strict=True), 1),
    *(
        Step(f"find: {kind} {match} {name}{' strict' if strict else ''}", find((kind, match, name), strict=strict), 1)
        for strict in (False, True)
        for kind, match, name in [
            ("user", EXACT, "bob"), ("user", DEFAULT, None), ("user", ANY, None), ("client-id", EXACT, "app"),
            ("client-id", ANY, None), ("ip", ANY, None), ("ip", EXACT, "10.0.0.7"), ("ip", DEFAULT, None),
            ("user", EXACT, "nobody"), ("user", EXACT, ""),
        ]
    ),
    *(
        Step(f"find: pair {number}{' strict' if strict else ''}", find(*pair, strict=strict), 1)
        for strict in (False, True)
        for number, pair in enumerate([
            [("user", EXACT, "bob"), ("client-id", EXACT, "app")],
            [("user", EXACT, "bob"), ("client-id", ANY, None)],
            [("user", ANY, None), ("client-id", ANY, None)],
            [("user", DEFAULT, None), ("client-id", DEFAULT, None)],
            [("user", ANY, None), ("ip", ANY, None)],
            [("client-id", EXACT, "app"), ("ip", EXACT, "10.0.0.7")],
        ])
    ),
    Step("find: match type 3", find(("user", 3, None)), 1),
    Step("find: match type -1", find(("user", -1, None)), 1),
    Step("find: exact null", find(("user", EXACT, None)), 1),
    Step("find: default with a name", find(("user", DEFAULT, "bob")), 1),
    Step("find: any with a name", find(("user", ANY, "bob")), 1),
    Step("find: unknown type", find(("device", EXACT, "x")), 1),
    Step("find: empty type", find(("", EXACT, "x")), 1),
    Step("find: same type twice", find(("user", EXACT, "a"), ("user", EXACT, "b")), 1),
    Step("remove", change(entry({"user": "bob"}, {"producer_byte_rate": None})), 1),
    Step("remove one of two", change(entry({"client-id": "app"}, {"request_percentage": None})), 1),
    Step("removed", find(("client-id", ANY, None)), 1),
    Step("removed user", find(("user", EXACT, "bob"), strict=True), 1),
    Step("same entity twice", change(entry({"user": "t1"}, BYTES), entry({"user": "t1"}, {"consumer_byte_rate": 1.0})), 1),
    Step("try: localhost", change(entry({"ip": "localhost"}, {"connection_creation_rate": 10.0})), 1),
]  # fmt: skip

SCRIPT = Script(STEPS)
