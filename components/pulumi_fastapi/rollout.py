"""Deploy strategies: how many tasks run at their peak and how long a deploy takes, as terms that add up."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

from .errors import ArgumentError
from .timeouts import TimeoutLadder
from .validation import check_fields, in_range


class Strategy(StrEnum):
    """How ECS replaces the tasks of a service."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    CANARY = "CANARY"
    LINEAR = "LINEAR"


PROVISION = 30
"""Usual seconds until the process of a Fargate task starts: network interface, image pull."""
PROVISION_WORST = 180
"""The same for a large image on a bad day."""
BOOT = 5
"""Usual seconds from the start of the process to `ready`."""


@dataclass(frozen=True)
class DeploymentTime:
    """Seconds of a deploy, term by term."""

    terms: Mapping[str, int]
    """What takes the time, in order."""

    @property
    def total(self) -> int:
        """Seconds of all terms together."""
        return sum(self.terms.values())

    def as_dict(self) -> dict[str, int]:
        """Plain data for outputs and previews: the terms and `total`."""
        return {**self.terms, "total": self.total}


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """How a service moves to new tasks; the defaults are those of ECS."""

    strategy: Strategy = Strategy.ROLLING
    """ROLLING replaces tasks in batches; the others start a full second set and shift the traffic."""
    minimum_percent: int = 100
    """ROLLING: healthy tasks that a deploy keeps, in percent of the desired count. Default 100."""
    maximum_percent: int = 200
    """ROLLING: tasks that may run during a deploy, in percent of the desired count. Default 200."""
    bake_minutes: int = 5
    """Not ROLLING: minutes that the old set stays ready for a rollback once all traffic has moved. Default 5."""
    canary_percent: float = 10.0
    """CANARY: share of the traffic that moves first, 0.1 to 100. Default 10."""
    canary_bake_minutes: int = 5
    """CANARY: minutes with that share of the traffic. Default 5."""
    step_percent: float = 20.0
    """LINEAR: share of the traffic that moves at each step, 3 to 100. Default 20."""
    step_bake_minutes: int = 2
    """LINEAR: minutes between two steps. Default 2."""
    approval_minutes: int = 0
    """Not ROLLING: minutes that a deploy waits, ready but without traffic, for someone to continue it; then it rolls
    back. Default 0: it does not wait."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("minimum_percent", self.minimum_percent, 0, 100, "%")
        in_range("maximum_percent", self.maximum_percent, 100, 400, "%")
        if self.minimum_percent == self.maximum_percent == 100:
            raise ArgumentError(
                "maximum_percent", 100, "must be more than 100 with minimum_percent=100, or no task may be replaced"
            )
        for field in ("bake_minutes", "canary_bake_minutes", "step_bake_minutes"):
            in_range(field, getattr(self, field), 0, 1440, "minutes")
        in_range("approval_minutes", self.approval_minutes, 0, 20160, "minutes")
        in_range("canary_percent", self.canary_percent, 0.1, 100, "%")
        in_range("step_percent", self.step_percent, 3, 100, "%")

    @property
    def surge(self) -> float:
        """Peak of running tasks as a multiple of the desired count."""
        return 2.0 if self.shifts_traffic else self.maximum_percent / 100

    @property
    def shifts_traffic(self) -> bool:
        """Whether a full second set starts and the traffic moves to it."""
        return self.strategy is not Strategy.ROLLING

    def batches(self, tasks: int) -> tuple[int, int]:
        """How often a rolling deploy of `tasks` starts new ones, and how often it stops old ones.

        Raises:
            ArgumentError: the percentages leave no room to move (they are rounded to whole tasks).
        """
        if self.shifts_traffic:
            return 1, 1
        floor = math.ceil(tasks * self.minimum_percent / 100)
        ceiling = math.floor(tasks * self.maximum_percent / 100)
        old, new, starts, stops = tasks, 0, 0, 0
        while old or new < tasks:
            stopping = min(old, old + new - floor)
            starting = min(tasks - new, ceiling - (old - stopping) - new)
            if not stopping and not starting:
                raise ArgumentError(
                    "maximum_percent",
                    self.maximum_percent,
                    f"leaves no room to replace {tasks} task(s): at least {floor} must run and at most {ceiling} may;"
                    f" use {math.ceil(100 * (tasks + 1) / tasks)} or more, or a smaller minimum_percent",
                )
            old, new = old - stopping, new + starting
            starts, stops = starts + (starting > 0), stops + (stopping > 0)
        return starts, stops

    @property
    def shift_terms(self) -> dict[str, int]:
        """Seconds in which a deploy waits for approval, and traffic moves and bakes."""
        if not self.shifts_traffic:
            return {}
        terms = {}
        if self.approval_minutes:
            terms["approval"] = 60 * self.approval_minutes
        if self.strategy is Strategy.CANARY:
            terms["canary"] = 60 * self.canary_bake_minutes
        if self.strategy is Strategy.LINEAR:
            # ECS does not wait after the step that reaches 100 %.
            steps = math.ceil(round(100 / self.step_percent, 6))
            terms["linear"] = 60 * self.step_bake_minutes * (steps - 1)
        return {**terms, "bake": 60 * self.bake_minutes}


def surge(strategy: str = Strategy.ROLLING, maximum_percent: int = 200) -> float:
    """Peak of running tasks during a deploy, as a multiple of the desired count."""
    return replace(_rollout(strategy), maximum_percent=maximum_percent).surge


def happy_path_seconds(
    ladder: TimeoutLadder, strategy: Rollout | str = Strategy.ROLLING, *, tasks: int = 1
) -> DeploymentTime:
    """Seconds of a deploy in which nothing goes wrong."""
    rollout = _rollout(strategy)
    starts, stops = rollout.batches(tasks)
    return DeploymentTime(
        {
            "provision": starts * PROVISION,
            "startup": starts * BOOT,
            "health": starts * ladder.healthy_threshold * ladder.health_interval,
            **rollout.shift_terms,
            "drain": stops * ladder.drain,
            "stop": stops * ladder.shutdown_delay,
        }
    )


def worst_case_seconds(
    ladder: TimeoutLadder, strategy: Rollout | str = Strategy.ROLLING, *, tasks: int = 1
) -> DeploymentTime:
    """Seconds after which a deploy has ended for certain, well or rolled back: what `up` must be ready to wait.

    Every wait takes its full timeout, and the last batch fails until the circuit breaker trips and ECS rolls back.
    """
    rollout = _rollout(strategy)
    starts, stops = rollout.batches(tasks)
    start = PROVISION_WORST + ladder.startup
    # A check may just have failed when the app gets ready: one interval more than the checks that must pass.
    health = (ladder.healthy_threshold + 1) * ladder.health_interval
    stop = ladder.drain + ladder.stop
    failed_task = PROVISION_WORST + ladder.grace + ladder.unhealthy_threshold * ladder.health_interval + stop
    return DeploymentTime(
        {
            "provision": starts * PROVISION_WORST,
            "startup": starts * ladder.startup,
            "health": starts * health,
            **rollout.shift_terms,
            "drain": stops * ladder.drain,
            "stop": stops * ladder.stop,
            "failures": math.ceil(_breaker_threshold(tasks) / tasks) * failed_task,
            "rollback": start + health + stop,
        }
    )


def _breaker_threshold(tasks: int) -> int:
    """Failed tasks until the deployment circuit breaker trips (ECS Developer Guide: half the tasks, 3 to 200)."""
    return min(max(math.ceil(tasks / 2), 3), 200)


def _rollout(strategy: Rollout | str) -> Rollout:
    # Rollout itself turns the name of a strategy into a Strategy.
    return strategy if isinstance(strategy, Rollout) else Rollout(strategy=cast("Strategy", strategy))
