"""What a Pulumi program costs a month, before it is deployed.

from pulumi_fastapi.cost import estimate
print(estimate(plan).total.expected)

Names are imported when they are first used: the command line must start fast.
"""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .bill import Change as Change
    from .bill import Estimate as Estimate
    from .bill import Line as Line
    from .bill import Part as Part
    from .bill import Range as Range
    from .bill import Saving as Saving
    from .bill import diff as diff
    from .estimator import estimate as estimate
    from .prices import PriceDataError as PriceDataError
    from .prices import PriceTable as PriceTable
    from .resources import InputError as InputError
    from .resources import Resource as Resource
    from .resources import from_file as from_file
    from .resources import from_plan as from_plan
    from .usage import Traffic as Traffic
    from .usage import Usage as Usage
    from .usage import UsageFile as UsageFile

_MODULES = {
    "Change": ".bill",
    "Estimate": ".bill",
    "InputError": ".resources",
    "Line": ".bill",
    "Part": ".bill",
    "PriceDataError": ".prices",
    "PriceTable": ".prices",
    "Range": ".bill",
    "Resource": ".resources",
    "Saving": ".bill",
    "Traffic": ".usage",
    "Usage": ".usage",
    "UsageFile": ".usage",
    "diff": ".bill",
    "estimate": ".estimator",
    "from_file": ".resources",
    "from_plan": ".resources",
}
__all__ = sorted(_MODULES)

__getattr__, __dir__ = lazily(__name__, _MODULES)
