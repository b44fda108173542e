"""What stands between a request and its handler when an authoriser is configured. Without one it does not exist."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from neuraxis.broker.authorisation.authoriser import CLUSTER_NAME, Authoriser, super_users
from neuraxis.broker.authorisation.steps import Asked
from neuraxis.broker.authorisation.table import TABLE

if TYPE_CHECKING:
    from neuraxis.broker.authorisation.audit import Audit
    from neuraxis.broker.authorisation.steps import Step
    from neuraxis.broker.call import Api, Body, Call, Handled
    from neuraxis.broker.config_table import BrokerSettings
    from neuraxis.broker.node import Node

STANDARD_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
"""The class name that switches authorisation on, as in Kafka."""


class Guard:
    """The authoriser with the audit log: what handlers and steps ask."""

    def __init__(self, authoriser: Authoriser, audit: Audit | None = None) -> None:
        self.authoriser = authoriser
        self.denied: dict[tuple[int, int], int] = {}  # how often, by operation and kind of resource
        self.audit = audit

    def allows(self, call: Call, operation: int, kind: int, name: str = CLUSTER_NAME) -> bool:
        """Whether the caller may do this to the resource; the decision goes into the audit log."""
        session = call.session
        allowed = self.authoriser.allows(session.principal, session.host, operation, kind, name)
        if not allowed:
            self.denied[operation, kind] = self.denied.get((operation, kind), 0) + 1
        if self.audit is not None:
            self.audit.decided(call, operation, kind, name, allowed=allowed)
        return allowed

    def would_allow(self, call: Call, operation: int, kind: int, name: str = CLUSTER_NAME) -> bool:
        """The same, not for the audit log: what is asked only decides what is shown, or whether to ask again."""
        session = call.session
        return self.authoriser.allows(session.principal, session.host, operation, kind, name)

    def stand_before(self, apis: dict[int, Api]) -> None:
        """Put this guard before every handler of the table: without a guard no request pays for one."""
        for key, api in apis.items():
            apis[key] = replace(api, handler=partial(self._answer, api, TABLE[key]))

    def _answer(self, api: Api, steps: tuple[Step, ...], node: Node, call: Call, request: Body) -> Handled:
        """Let the handler answer what is allowed of the request."""
        call.saw(node.catalogue.ticket)  # the rules that decide must be as durable as the answer
        return _through(Asked(self, node, api, call), steps, 0, request)


def _through(asked: Asked, steps: tuple[Step, ...], position: int, request: Body) -> Handled:
    if position == len(steps):
        return asked.api.handler(asked.node, asked.call, request)
    return steps[position](asked, request, lambda rest: _through(asked, steps, position + 1, rest))


def make_guard(settings: BrokerSettings, audit: Audit | None) -> Guard | None:
    """The guard that the settings ask for; None: everything is allowed to everybody."""
    if not settings.string("authorizer.class.name"):
        return None
    authoriser = Authoriser(
        super_users(settings.string("super.users")),
        allow_if_no_rule=settings.boolean("allow.everyone.if.no.acl.found"),
    )
    return Guard(authoriser, audit)
