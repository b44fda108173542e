"""An administrator who makes, changes and deletes everything there is, all the time, and the judge of what is left of it.

It keeps one value for each thing it has made, None for what it has deleted. A request without an answer makes its thing
doubtful: both values are possible until the next answer settles it. Again and again, and after every restart, everything
is asked for and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from neuraxis.testing.history.verdict import Draft, Verdict
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import alter_client_quotas as aq
from neuraxis.wire.messages import alter_user_scram_credentials as au
from neuraxis.wire.messages import create_acls as ca
from neuraxis.wire.messages import create_partitions as cp
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import delete_acls as da
from neuraxis.wire.messages import delete_groups as dg
from neuraxis.wire.messages import delete_topics as dt
from neuraxis.wire.messages import describe_acls as sa
from neuraxis.wire.messages import describe_client_quotas as sq
from neuraxis.wire.messages import describe_configs as dc
from neuraxis.wire.messages import describe_user_scram_credentials as du
from neuraxis.wire.messages import incremental_alter_configs as ia
from neuraxis.wire.messages import list_groups as lg
from neuraxis.wire.messages import metadata as md
from neuraxis.wire.messages import offset_commit as oc
from tests.soak.link import RETRIABLE
from tests.soak.scene import Scene, Worker

TOPIC, LITERAL, READ, ALLOW, ANY = 2, 3, 3, 3, 1
SET = 0
SCRAM_SHA_256 = 1
THINGS = 6
"""Of each sort: few, so that each is deleted and made again many times."""
MOST_PARTITIONS = 6
CONFIG = "max.message.bytes"
QUOTA = "producer_byte_rate"


@dataclass
class Expectations:
    """Thing -> the values it may have. One alone where the last answer is known."""

    possible: dict[Hashable, set[object]] = field(default_factory=dict)

    def attempt(self, thing: Hashable, value: object) -> None:
        """A change was asked for: until the answer both may be."""
        self.possible.setdefault(thing, {None}).add(value)

    def done(self, thing: Hashable, value: object) -> None:
        """It was acknowledged."""
        self.possible[thing] = {value}

    def refused(self, thing: Hashable, value: object, old: set[object]) -> None:
        """It was refused: it is as before."""
        self.possible[thing] = set(old)

    def compare(self, found: dict[Hashable, object], draft: Draft) -> None:
        """Judge what the broker says of all things; what it says settles what was in doubt."""
        for thing, possible in self.possible.items():
            draft.checked += 1
            value = found.get(thing)
            if value not in possible:
                wanted = " or ".join(sorted(map(_shown, possible)))
                draft.finding(f"{thing} is {_shown(value)}, and must be {wanted}")
            self.possible[thing] = {value}
        for thing in found.keys() - self.possible.keys():
            draft.checked += 1
            draft.finding(f"{thing} is {_shown(found[thing])}, and nobody made it")


def _shown(value: object) -> str:
    return "absent" if value is None else repr(value)


class Churn(Worker):
    """One administrator, who does one thing at a time."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, "churn")
        self.prefix = f"{scene.stage.prefix}-churn"
        self.draft = Draft("administration", "things compared with what was acknowledged")
        self.expected = Expectations()
        self.restarted = False

    def live(self) -> None:
        """A few changes; then everything is compared."""
        for _ in range(self.random.randint(3, 10)):
            if self.restarted or self.halt.is_set():
                break
            self.random.choice(
                (
                    self._topic,
                    self._topic,
                    self._config,
                    self._grow,
                    self._acl,
                    self._user,
                    self._quota,
                    self._group,
                )
            )()
            self.halt.wait(self.random.uniform(0.05, 0.4))
        self.restarted = False
        self.compare()

    def one_of(self, sort: str) -> str:
        """One of the few names of a sort."""
        return f"{self.prefix}-{sort}-{self.random.randrange(THINGS)}"

    def change(
        self, thing: Hashable, value: object, request: Any, version: int, code_of: Callable[[Any], int]
    ) -> bool:
        """Ask for a change of one thing, and note what became of it. Raises Lost."""
        old = set(self.expected.possible.get(thing, {None}))
        self.expected.attempt(thing, value)
        answer = self.ask(request, version)
        code = code_of(answer)
        if code == 0:
            self.expected.done(thing, value)
            self.scene.count("changes by the administrator")
            return True
        self.expected.refused(thing, value, old)
        if code not in RETRIABLE:
            self.scene.surprise(self.role, f"{type(request).__name__} of {thing}: {ErrorCode(code).name}")
        return False

    def known(self, thing: Hashable) -> bool:
        """Whether what it is now is certain: what follows from it would else be a surprise."""
        return len(self.expected.possible.get(thing, {None})) == 1

    def value(self, thing: Hashable) -> Any:
        """Its certain value."""
        (value,) = self.expected.possible.get(thing, {None})
        return value

    # ---- changes -----------------------------------------------------------------------------------------------

    def _topic(self) -> None:
        """Make or delete a topic. Its config is part of it."""
        name = self.one_of("topic")
        thing, config = ("topic", name), ("config", name)
        if not self.known(thing) or not self.known(config):
            return
        if self.value(thing) is None:
            count = self.random.randint(1, 3)
            new = ct.CreatableTopic(name, count, 1, [], [])
            self.change(
                thing, count, ct.CreateTopicsRequest([new], 5_000), 7, lambda it: it.topics[0].error_code
            )
            return
        request = dt.DeleteTopicsRequest([dt.DeleteTopicState(name)], [], 5_000)
        old = self.expected.possible.get(config, {None})
        if self.value(config) is not None:
            self.expected.possible[config] = old | {None}
        if self.change(thing, None, request, 6, lambda it: it.responses[0].error_code):
            self.expected.done(config, None)

    def _grow(self) -> None:
        name = self.one_of("topic")
        thing = ("topic", name)
        if not self.known(thing) or self.value(thing) is None or self.value(thing) >= MOST_PARTITIONS:
            return
        count = self.value(thing) + 1
        request = cp.CreatePartitionsRequest([cp.CreatePartitionsTopic(name, count, None)], 5_000, False)
        self.change(thing, count, request, 3, lambda it: it.results[0].error_code)

    def _config(self) -> None:
        name = self.one_of("topic")
        thing = ("topic", name)
        if not self.known(thing) or self.value(thing) is None:
            return
        value = str(self.random.randint(100_000, 999_999))
        resource = ia.AlterConfigsResource(TOPIC, name, [ia.AlterableConfig(CONFIG, SET, value)])
        request = ia.IncrementalAlterConfigsRequest([resource], False)
        self.change(("config", name), value, request, 1, lambda it: it.responses[0].error_code)

    def _acl(self) -> None:
        name = self.one_of("acl")
        thing = ("acl", name)
        if self.known(thing) and self.value(thing) is None:
            rule = ca.AclCreation(TOPIC, name, LITERAL, "User:somebody", "*", READ, ALLOW)
            request: Any = ca.CreateAclsRequest([rule])
            self.change(thing, "allowed", request, 3, lambda it: it.results[0].error_code)
        elif self.known(thing):
            chosen = da.DeleteAclsFilter(TOPIC, name, LITERAL, None, None, ANY, ANY)
            request = da.DeleteAclsRequest([chosen])
            self.change(thing, None, request, 3, lambda it: it.filter_results[0].error_code)

    def _user(self) -> None:
        name = self.one_of("user")
        thing = ("user", name)
        if not self.known(thing):
            return
        if self.value(thing) is not None and self.random.random() < 0.5:
            gone = [au.ScramCredentialDeletion(name, SCRAM_SHA_256)]
            request = au.AlterUserScramCredentialsRequest(gone, [])
            self.change(thing, None, request, 0, lambda it: it.results[0].error_code)
            return
        rounds = self.random.randint(4096, 8192)
        secret = self.random.randbytes(32)
        new = [au.ScramCredentialUpsertion(name, SCRAM_SHA_256, rounds, secret[:16], secret)]
        request = au.AlterUserScramCredentialsRequest([], new)
        self.change(thing, rounds, request, 0, lambda it: it.results[0].error_code)

    def _quota(self) -> None:
        name = self.one_of("user")
        thing = ("quota", name)
        if not self.known(thing):
            return
        remove = self.value(thing) is not None and self.random.random() < 0.4
        rate = None if remove else float(self.random.randint(1_000_000, 9_000_000))
        change = aq.OpData(QUOTA, rate or 0.0, remove)
        entry = aq.EntryData([aq.EntityData("user", name)], [change])
        request = aq.AlterClientQuotasRequest([entry], False)
        self.change(thing, rate, request, 1, lambda it: it.entries[0].error_code)

    def _group(self) -> None:
        """A group without members: made by a commit, and deleted."""
        name = self.one_of("group")
        thing = ("group", name)
        if not self.known(thing):
            return
        if self.value(thing) is not None:
            request: Any = dg.DeleteGroupsRequest([name])
            self.change(thing, None, request, 2, lambda it: it.results[0].error_code)
            return
        topic = oc.OffsetCommitRequestTopic(
            name=self.scene.stage.topics[0], partitions=[oc.OffsetCommitRequestPartition(0, 7, -1, "")]
        )
        request = oc.OffsetCommitRequest(group_id=name, topics=[topic])
        self.change(thing, "there", request, 8, lambda it: it.topics[0].partitions[0].error_code)

    # ---- comparing ---------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Ask for everything, and compare. Raises Lost."""
        found: dict[Hashable, object] = {}
        metadata: Any = self.ask(md.MetadataRequest(None, False), 12)
        topics = {
            each.name: len(each.partitions)
            for each in metadata.topics
            if each.error_code == 0 and (each.name or "").startswith(self.prefix)
        }
        found.update({("topic", name): count for name, count in topics.items()})
        if topics:
            found.update(self._configs(sorted(topics)))
        acls: Any = self.ask(sa.DescribeAclsRequest(TOPIC, None, ANY, None, None, ANY, ANY), 3)
        found.update({("acl", each.resource_name): "allowed" for each in acls.resources})
        users: Any = self.ask(du.DescribeUserScramCredentialsRequest(None), 0)
        for user in users.results:
            found["user", user.user] = user.credential_infos[0].iterations
        wanted = sq.DescribeClientQuotasRequest([sq.ComponentData("user", 2, None)], False)
        quotas: Any = self.ask(wanted, 1)
        for entry in quotas.entries or ():
            found["quota", entry.entity[0].entity_name] = entry.values[0].value
        groups: Any = self.ask(lg.ListGroupsRequest(), 5)
        codes = {metadata.error_code, acls.error_code, users.error_code, quotas.error_code, groups.error_code}
        if codes != {0}:
            if codes - RETRIABLE - {0}:
                self.scene.surprise(self.role, f"asking for everything: {codes}")
            return
        for group in groups.groups:
            if group.group_id.startswith(self.prefix):
                found["group", group.group_id] = "there"
        self.expected.compare(found, self.draft)
        self.scene.count("comparisons by the administrator")

    def _configs(self, topics: list[str]) -> dict[Hashable, object]:
        resources = [dc.DescribeConfigsResource(TOPIC, name, [CONFIG]) for name in topics]
        answer: Any = self.ask(dc.DescribeConfigsRequest(resources, False, False), 4)
        return {
            ("config", each.resource_name): entry.value
            for each in answer.results
            for entry in each.configs
            if entry.config_source == 1  # set on the topic itself
        }

    def judge(self) -> Verdict:
        """After the last comparison."""
        return self.draft.done("nothing was changed")
