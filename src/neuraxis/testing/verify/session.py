"""A whole verification: the cluster or a broker of our own, its faults, the run, and the report."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from neuraxis.client import ClientError, Settings
from neuraxis.testing.history import History, Report, judge
from neuraxis.testing.verify.faults import Fault, kill, pause, reset
from neuraxis.testing.verify.own_broker import OwnBroker, OwnBrokerFailed
from neuraxis.testing.verify.plan import Plan
from neuraxis.testing.verify.proxy import Proxy
from neuraxis.testing.verify.recorder import Recorder
from neuraxis.testing.verify.run import Outcome, Progress, Run, silent

FAULTS = ("kill", "pause", "reset")
OWN_ONLY = ("kill", "pause")


@dataclass(frozen=True, slots=True)
class Verification:
    """What to verify. With `own_broker`, `settings.bootstrap` is not looked at and all faults can be had."""

    settings: Settings
    plan: Plan = field(default_factory=Plan)
    faults: Sequence[str] = ()
    own_broker: bool = False
    durability: str = "sync"
    keep_topics: bool = False

    def run(self, sink: TextIO | None = None, progress: Progress = silent) -> tuple[Report, Outcome]:
        """Record and judge; the history goes to `sink` line by line. Raises ClientError."""
        self._check()
        recorder = Recorder(sink)
        try:
            with contextlib.ExitStack() as stack:
                settings, faults = self._target(stack)
                run = Run(settings, self.plan, recorder, faults, progress)
                outcome = run.record(keep_topics=self.keep_topics)
        except OwnBrokerFailed as error:
            raise ClientError(
                f"the broker under test failed: {error}",
                "look into its log above; the history up to there is kept",
            ) from error
        return judge(History.of(recorder.events)), outcome

    def _check(self) -> None:
        wanted = [name for name in self.faults if name in OWN_ONLY]
        if wanted and not self.own_broker:
            raise ClientError(
                f"{' and '.join(wanted)} need a broker of our own: somebody else's process is not ours to strike",
                "add --own-broker, or take only resets: --faults reset",
            )
        protocol = self.settings.librdkafka().get("security.protocol", "PLAINTEXT").upper()
        if "reset" in self.faults and not self.own_broker and "SSL" in protocol:
            raise ClientError(
                f"resets go through a proxy that cannot look into {protocol}",
                "use a PLAINTEXT or SASL_PLAINTEXT listener, or leave --faults out",
            )

    def _target(self, stack: contextlib.ExitStack) -> tuple[Settings, list[Fault]]:
        settings = self.settings
        faults: list[Fault] = []
        if self.own_broker:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="neuraxis-verify-"))
            broker = stack.enter_context(OwnBroker(Path(directory), self.durability))
            # Only the address: credentials of another cluster are nothing to a broker of our own.
            settings = Settings(bootstrap=broker.bootstrap)
            own = {"kill": kill(broker), "pause": pause(broker)}
            faults += [own[name] for name in self.faults if name in own]
        if "reset" in self.faults:
            proxy = Proxy()
            stack.callback(proxy.close)
            settings = replace(settings, bootstrap=proxy.bootstrap(settings.bootstrap))
            faults.append(reset(proxy, random.Random(self.plan.seed)))
        return settings, faults
