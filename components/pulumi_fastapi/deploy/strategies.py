"""How a new revision gets the traffic."""

from enum import StrEnum


class ReleaseStrategy(StrEnum):
    """How a new revision gets the traffic."""

    ROLLING = "rolling"
    CANARY = "canary"
    BLUE_GREEN = "blue-green"


STEPS: dict[ReleaseStrategy, tuple[int, ...]] = {
    ReleaseStrategy.ROLLING: (),
    ReleaseStrategy.CANARY: (10, 50, 100),
    ReleaseStrategy.BLUE_GREEN: (100,),
}
"""Shares of the traffic in percent, where none are asked for."""
