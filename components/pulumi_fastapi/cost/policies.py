"""The estimate inside `pulumi preview` and `pulumi up`: shown as an advisory, and as a budget that stops them.

pulumi preview --policy-pack "$(pulumi-fastapi policy-pack)" --policy-pack-config cost.json

where cost.json may hold `{"cost-budget": {"monthlyBudget": 150}, "cost-estimate": {"requestsPerSecond": 10}}`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pulumi_policy as policy
from pulumi_policy.proxy import UnknownValueError

from .estimator import estimate
from .render import Report, money, summary
from .resources import HIDDEN, Resource, resource_of
from .usage import Traffic, UsageFile, parsed

_TRAFFIC = {
    "requestsPerSecond": "requests_per_second",
    "latencyMs": "latency_ms",
    "responseBytes": "response_bytes",
    "requestsPerSecondPerTask": "requests_per_second_per_task",
}
_TRAFFIC_SCHEMA: dict[str, Any] = {key: {"type": "number", "minimum": 0} for key in _TRAFFIC}


def pack() -> None:
    """Serve both policies to the engine."""
    policy.PolicyPack(
        name="pulumi-fastapi-cost",
        enforcement_level=policy.EnforcementLevel.ADVISORY,
        policies=[
            policy.StackValidationPolicy(
                name="cost-estimate",
                description="What the stack costs a month.",
                validate=_show,
                enforcement_level=policy.EnforcementLevel.ADVISORY,
                config_schema=policy.PolicyConfigSchema(properties=_TRAFFIC_SCHEMA),
            ),
            policy.StackValidationPolicy(
                name="cost-budget",
                description="The stack must not cost more than monthlyBudget of the policy's configuration.",
                validate=_stop,
                enforcement_level=policy.EnforcementLevel.MANDATORY,
                config_schema=policy.PolicyConfigSchema(
                    properties={"monthlyBudget": {"type": "number", "minimum": 0}, **_TRAFFIC_SCHEMA}
                ),
            ),
        ],
    )


def _show(args: policy.StackValidationArgs, report: policy.ReportViolation) -> None:
    report(summary(_report(args)), None)


def _stop(args: policy.StackValidationArgs, report: policy.ReportViolation) -> None:
    budget = args.get_config().get("monthlyBudget")
    if budget is None:
        return
    limit, shown = Decimal(str(budget)), _report(args)
    if shown.estimate.total.expected > limit:
        report(f"Over the budget of ${money(limit)} a month: {shown.headline}.", None)


def _report(args: policy.StackValidationArgs) -> Report:
    given = {_TRAFFIC[key]: value for key, value in args.get_config().items() if key in _TRAFFIC}
    usage = UsageFile(traffic=parsed(Traffic, given, "the policy's configuration"))
    return Report(title="Monthly cost", estimate=estimate(resources(args.resources), usage=usage))


def resources(those: Sequence[policy.PolicyResource]) -> list[Resource]:
    """The resources of a stack as the engine shows them to a policy."""
    return [
        resource_of(
            urn=each.urn,
            type_=each.resource_type,
            inputs=_known(each.props),
            outputs={},
            links={key: tuple(source.urn for source in sources) for key, sources in each.property_dependencies.items()},
            provider_inputs=_known(each.provider.props) if each.provider else {},
            regions={},
        )
        for each in those
        if each.provider is not None and not each.resource_type.startswith("pulumi:")
    ]


def _known(props: Mapping[str, Any]) -> dict[str, Any]:
    """Properties key by key: reading one that only a deployment knows raises."""
    found: dict[str, Any] = {}
    for key in props:
        try:
            found[key] = _value(props[key])
        except UnknownValueError:
            found[key] = HIDDEN
    return found


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _known(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = []
        for index in range(len(value)):
            try:
                items.append(_value(value[index]))
            except UnknownValueError:
                items.append(HIDDEN)
        return items
    if isinstance(value, float):  # as the engine sends every number
        return int(value) if value.is_integer() else Decimal(str(value))
    return value if value is None or isinstance(value, (str, int)) else HIDDEN
