"""A release in steps: an update without traffic, a smoke test, then one update for each share of the traffic.

Traffic is moved by updates of the stack and by nothing else, so its state always says where the traffic is; and the
step stands in the stack before its update begins, so that the next run goes on from there, whatever ended this one.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Optional, Protocol

from .gate import Gate, Observed
from .google import Revision
from .release import Release
from .strategies import ReleaseStrategy

_POLL_SECONDS = 15.0


class DeployFailed(Exception):
    """The release ended otherwise than asked for; the message says why and where the traffic is."""


class ReleaseStack(Protocol):
    """A stack with one Cloud Run service."""

    def release(self) -> Optional[Release]:
        """The release that is under way."""
        ...

    def set_release(self, release: Optional[Release]) -> None:
        """Write down the step that the next update makes; None for a rolling update."""
        ...

    def up(self, message: str, *, traffic_only: bool = False) -> None:
        """Update the stack; or nothing but the service, for a share of the traffic.

        Raises:
            DeployFailed: with the errors of the engine.
        """
        ...

    def revision(self) -> str:
        """The revision that the last update asked for."""
        ...


class ServingCloud(Protocol):
    """What serves."""

    def serving(self) -> Optional[str]:
        """The revision that has most of the traffic."""
        ...

    def revisions(self) -> list[Revision]:
        """All revisions, newest first."""
        ...

    def observe(self, revision: str, since: datetime) -> Observed:
        """How a revision has done since a moment."""
        ...


@dataclass
class Outcome:
    """What a release came to."""

    strategy: str
    """How it was asked for."""
    result: str = "released"
    """`released`; `unchanged`, nothing was new; `went back`, the old revision has all traffic; `failed`, before any
    traffic moved, or between two steps."""
    stable: Optional[str] = None
    """The revision that served before."""
    candidate: Optional[str] = None
    """The new one."""
    reason: Optional[str] = None
    """Why it went back."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Share of the traffic, and what was observed with it."""


@dataclass(kw_only=True)
class Releaser:
    """Releases the program's service, or takes it back."""

    stack: ReleaseStack
    cloud: ServingCloud
    gate: Gate
    bake_seconds: float
    """How long each share of the traffic is watched."""
    smoke_test: Callable[[], None]
    """Asks the candidate itself, before it has traffic; raises `DeployFailed`."""
    say: Callable[[str], None]
    """Shows progress."""

    def roll(self) -> Outcome:
        """One update: the new revision gets all traffic once it is ready."""
        before = self.cloud.serving()
        self.stack.set_release(None)
        self.stack.up("rolling update")
        revision = self.stack.revision()
        result = "unchanged" if revision == before else "released"
        return Outcome(ReleaseStrategy.ROLLING, result, stable=before, candidate=revision)

    def release(self, strategy: ReleaseStrategy, steps: Sequence[int]) -> Outcome:
        """Move the traffic in steps, and back if the candidate does not keep to the gate.

        Raises:
            DeployFailed: the update without traffic failed, or the one that moves it.
        """
        under_way = self.stack.release()
        stable = under_way.stable if under_way is not None else self.cloud.serving()
        if stable is None:
            self.say("no revision serves yet: the first one gets all traffic")
            return self.roll()
        if under_way is not None and under_way.percent:
            self.say(f"goes on: {under_way.candidate} has {under_way.percent} % of the traffic")
        self.stack.set_release(under_way or Release(stable=stable))
        self.say("update without a change of the traffic")
        self.stack.up("a new revision, without traffic")
        candidate = self.stack.revision()
        outcome = Outcome(strategy, stable=stable, candidate=candidate)
        if candidate == stable:
            self.say(f"nothing is new: {stable} is what the program says")
            self._settle()
            outcome.result = "unchanged"
            return outcome
        reached = under_way.percent if under_way is not None and under_way.candidate == candidate else 0
        self.say(f"{candidate} is ready; {stable} has {100 - reached} % of the traffic")
        try:
            if not reached:
                self.smoke_test()
            for percent in (each for each in steps if each > reached):
                self._shift(stable, candidate, percent)
                outcome.steps.append(self._watch(candidate, percent))
        except DeployFailed as error:
            self._go_back(stable, candidate, why=error)
            outcome.result, outcome.reason = "went back", str(error)
            return outcome
        self._settle()
        return outcome

    def roll_back(self, to: Optional[str] = None) -> Outcome:
        """Give all traffic to the revision before: that of the release under way, else the newest one with another
        image.

        Raises:
            DeployFailed: there is none.
        """
        serving = self.cloud.serving()
        revisions = self.cloud.revisions()
        under_way = self.stack.release()
        if to is None and under_way is not None and (under_way.percent or under_way.stable != serving):
            to = under_way.stable
        named = next((each for each in revisions if each.name == to), None)
        chosen = _older(revisions, serving) if to is None else named
        if chosen is None:
            names = ", ".join(each.name for each in revisions) or "none"
            wanted = "older revision with another image" if to is None else f"revision {to}"
            raise DeployFailed(f"there is no {wanted}; there are: {names}")
        if not chosen.ready:
            raise DeployFailed(f"{chosen.name} is not ready and cannot serve")
        self.say(f"{serving} serves; going back to {chosen.name} ({chosen.image})")
        self.stack.set_release(Release(stable=chosen.name))
        self.stack.up(f"back to {chosen.name}", traffic_only=True)
        return Outcome("rollback", "went back", stable=chosen.name, candidate=serving, reason="asked for")

    def _shift(self, stable: str, candidate: str, percent: int) -> None:
        self.stack.set_release(Release(stable=stable, candidate=candidate, percent=percent))
        self.say(f"{percent} % of the traffic to {candidate}")
        self.stack.up(f"{percent} % to {candidate}", traffic_only=True)
        if self.stack.revision() != candidate:
            raise DeployFailed(f"the program has changed meanwhile: it asks for {self.stack.revision()}")

    def _watch(self, candidate: str, percent: int) -> dict[str, Any]:
        began, deadline, said = datetime.now(UTC), time.monotonic() + self.bake_seconds, ""
        while True:
            left = deadline - time.monotonic()
            observed = self.cloud.observe(candidate, began)
            if (line := f"  {observed}") != said:
                self.say(line)
                said = line
            if problem := self.gate.problem(observed, last=left <= 0):
                raise DeployFailed(f"at {percent} %: {problem}")
            if left <= 0:
                took = datetime.now(UTC) - began
                return _step(percent, observed, took)
            time.sleep(min(_POLL_SECONDS, left))

    def _go_back(self, stable: str, candidate: str, why: DeployFailed) -> None:
        self.say(f"{why}; going back: all traffic to {stable}")
        self.stack.set_release(Release(stable=stable, candidate=candidate, percent=0))
        try:
            self.stack.up(f"back to {stable}", traffic_only=True)
        except DeployFailed as error:
            raise DeployFailed(f"{why}; going back failed too, so {candidate} may have traffic: {error}") from None

    def _settle(self) -> None:
        """All traffic follows the newest revision again, as without a release."""
        self.stack.set_release(None)
        self.stack.up("released", traffic_only=True)


def _older(revisions: Sequence[Revision], serving: Optional[str]) -> Optional[Revision]:
    names = [each.name for each in revisions]
    if serving not in names:
        return None
    running, *older = revisions[names.index(serving) :]
    return next((each for each in older if each.ready and each.image != running.image), None)


def _step(percent: int, observed: Observed, took: timedelta) -> dict[str, Any]:
    return {
        "percent": percent,
        "requests": observed.requests,
        "errors": observed.errors,
        "latency": observed.latency,
        "seconds": round(took.total_seconds()),
    }
