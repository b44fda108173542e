"""SASL, ACLs, SCRAM credentials, delegation tokens, client quotas, on brokers that authenticate nobody and forbid nothing."""

from __future__ import annotations

from functools import partial

from compat.differential.cases import Scenario, Step, fixed
from compat.differential.world import World
from neuraxis.wire.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    EntityData,
    EntryData,
    OpData,
)
from neuraxis.wire.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from neuraxis.wire.messages.create_acls import AclCreation, CreateAclsRequest
from neuraxis.wire.messages.create_delegation_token import CreatableRenewers, CreateDelegationTokenRequest
from neuraxis.wire.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest
from neuraxis.wire.messages.describe_acls import DescribeAclsRequest
from neuraxis.wire.messages.describe_client_quotas import ComponentData, DescribeClientQuotasRequest
from neuraxis.wire.messages.describe_delegation_token import (
    DescribeDelegationTokenOwner,
    DescribeDelegationTokenRequest,
)
from neuraxis.wire.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    UserName,
)
from neuraxis.wire.messages.expire_delegation_token import ExpireDelegationTokenRequest
from neuraxis.wire.messages.renew_delegation_token import RenewDelegationTokenRequest
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest

TOPIC, LITERAL, READ, ALLOW = 2, 3, 3, 3
SCRAM_SHA_256, ITERATIONS = 1, 4096


def _quota(key: str, value: float, world: World) -> AlterClientQuotasRequest:
    entity = [EntityData("user", world.name("user")), EntityData("client-id", world.name("client"))]
    return AlterClientQuotasRequest([EntryData(entity, [OpData(key, value, False)])])


def _quotas(strict: bool, world: World) -> DescribeClientQuotasRequest:
    return DescribeClientQuotasRequest([ComponentData("user", 0, world.name("user"))], strict)


def _credential(world: World) -> AlterUserScramCredentialsRequest:
    made = ScramCredentialUpsertion(world.name("user"), SCRAM_SHA_256, ITERATIONS, b"salt", b"p" * 32)
    return AlterUserScramCredentialsRequest([], [made])


def _forget_credential(world: World) -> AlterUserScramCredentialsRequest:
    return AlterUserScramCredentialsRequest([ScramCredentialDeletion(world.name("user"), SCRAM_SHA_256)], [])


def _credentials(world: World) -> DescribeUserScramCredentialsRequest:
    return DescribeUserScramCredentialsRequest([UserName(world.name("user"))])


QUOTAS = [Step(partial(_quotas, False), 1)]
CREDENTIALS = [Step(_credentials, 0)]

SCENARIOS = [
    Scenario(SaslHandshakeRequest, fixed(SaslHandshakeRequest("PLAIN"))),
    Scenario(SaslAuthenticateRequest, fixed(SaslAuthenticateRequest(b"\0user\0secret"))),
    Scenario(
        DescribeAclsRequest, fixed(DescribeAclsRequest(TOPIC, "a", LITERAL, "User:a", "*", READ, ALLOW))
    ),
    Scenario(
        CreateAclsRequest,
        fixed(CreateAclsRequest([AclCreation(TOPIC, "a", LITERAL, "User:a", "*", READ, ALLOW)])),
    ),
    Scenario(
        DeleteAclsRequest,
        fixed(DeleteAclsRequest([DeleteAclsFilter(TOPIC, "a", LITERAL, "User:a", "*", READ, ALLOW)])),
    ),
    Scenario(
        CreateDelegationTokenRequest,
        fixed(CreateDelegationTokenRequest("User", "a", [CreatableRenewers("User", "b")], 1_000)),
    ),
    Scenario(RenewDelegationTokenRequest, fixed(RenewDelegationTokenRequest(b"no such token", 1_000))),
    Scenario(ExpireDelegationTokenRequest, fixed(ExpireDelegationTokenRequest(b"no such token", 1_000))),
    Scenario(
        DescribeDelegationTokenRequest,
        fixed(DescribeDelegationTokenRequest([DescribeDelegationTokenOwner("User", "a")])),
    ),
    Scenario(
        AlterClientQuotasRequest,
        partial(_quota, "producer_byte_rate", 1000.0),
        after=QUOTAS,
        values={
            "key": ("request_percentage", "connection_creation_rate", "controller_mutation_rate"),
            "entity_type": ("client-id", "ip", "group"),
        },
        settle=True,
    ),
    Scenario(
        DescribeClientQuotasRequest,
        partial(_quotas, False),
        given=[Step(partial(_quota, "consumer_byte_rate", 5.0), 1, settle=True)],
        values={"entity_type": ("client-id", "ip")},
    ),
    Scenario(
        AlterUserScramCredentialsRequest,
        _credential,
        after=CREDENTIALS,
        settle=True,
        values={"iterations": (4095, 16384, 16385)},
    ),
    Scenario(
        AlterUserScramCredentialsRequest,
        _forget_credential,
        "deletion",
        given=[Step(_credential, 0, settle=True)],
        after=CREDENTIALS,
        settle=True,
    ),
    Scenario(DescribeUserScramCredentialsRequest, _credentials, given=[Step(_credential, 0, settle=True)]),
]
