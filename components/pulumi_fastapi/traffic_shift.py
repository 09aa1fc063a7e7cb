"""How traffic moves from the version that serves to a new one, where a platform splits it by weights."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .errors import ArgumentError
from .validation import check_fields, in_range

_MINUTE = 60


class ShiftStrategy(StrEnum):
    """How a release moves traffic to a new version."""

    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"


class Step(NamedTuple):
    """One share of the traffic, and how long it stays."""

    percent: float
    seconds: int


@dataclass(frozen=True, kw_only=True)
class TrafficShift:
    """The strategy with its shares and times, named as those of `Rollout`."""

    strategy: ShiftStrategy = ShiftStrategy.ALL_AT_ONCE
    """ALL_AT_ONCE moves everything; the others go in steps, and back when an alarm fires. Default ALL_AT_ONCE."""
    bake_minutes: int = 5
    """Not ALL_AT_ONCE: minutes for which alarms still count once all traffic has moved. Default 5."""
    canary_percent: float = 10.0
    """CANARY: share of the traffic that moves first, 0.1 to 99. Default 10."""
    canary_bake_minutes: int = 5
    """CANARY: minutes with that share. Default 5."""
    step_percent: float = 20.0
    """LINEAR: share of the traffic that moves at each step, 3 to 99. Default 20."""
    step_bake_minutes: int = 2
    """LINEAR: minutes between two steps. Default 2."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("bake_minutes", self.bake_minutes, 0, 1440, "minutes")
        in_range("canary_percent", self.canary_percent, 0.1, 99, "%")
        in_range("step_percent", self.step_percent, 3, 99, "%")
        for field in ("canary_bake_minutes", "step_bake_minutes"):  # without a wait no alarm can fire
            in_range(field, getattr(self, field), 1, 1440, "minutes")
        default = TrafficShift.__dataclass_fields__
        for field, users in _USERS.items():
            if getattr(self, field) != default[field].default and self.strategy not in users:
                raise ArgumentError(
                    field, getattr(self, field), f"is of use only with strategy {' or '.join(sorted(users))}"
                )

    @property
    def steps(self) -> list[Step]:
        """The shares of the new version, in order; none when everything moves at once."""
        if self.strategy is ShiftStrategy.ALL_AT_ONCE:
            return []
        if self.strategy is ShiftStrategy.CANARY:
            growing = [Step(self.canary_percent, _MINUTE * self.canary_bake_minutes)]
        else:
            count = math.ceil(round(100 / self.step_percent, 6))
            growing = [Step(self.step_percent * step, _MINUTE * self.step_bake_minutes) for step in range(1, count)]
        return [*growing, Step(100.0, _MINUTE * self.bake_minutes)]

    @property
    def seconds(self) -> int:
        """What all steps take together."""
        return sum(step.seconds for step in self.steps)


_USERS = {
    "bake_minutes": {ShiftStrategy.CANARY, ShiftStrategy.LINEAR},
    "canary_percent": {ShiftStrategy.CANARY},
    "canary_bake_minutes": {ShiftStrategy.CANARY},
    "step_percent": {ShiftStrategy.LINEAR},
    "step_bake_minutes": {ShiftStrategy.LINEAR},
}
