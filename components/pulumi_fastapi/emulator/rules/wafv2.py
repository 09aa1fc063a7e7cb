"""Web ACLs."""

from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, matches, value_text
from pulumi_fastapi.emulator.values import Properties

_EXACTLY_ONE = "You have used none or multiple values for a field that requires exactly one value., field: "


def _default_action(value: Any, _inputs: Properties) -> str | None:
    given = [name for name in ("allow", "block") if value.get(name) is not None]
    return None if len(given) == 1 else f"{_EXACTLY_ONE}DEFAULT_ACTION"


def _rule_action(rule: Any, _inputs: Properties) -> str | None:
    statement = rule.get("statement") or {}
    of_group = "managedRuleGroupStatement" in statement or "ruleGroupReferenceStatement" in statement
    given = [name for name in ("action", "overrideAction") if rule.get(name) is not None]
    if given != ["overrideAction" if of_group else "action"]:
        return f"{_EXACTLY_ONE}RULE ({'overrideAction' if of_group else 'action'} of {rule.get('name')})"
    return None


def _rule_priorities(rules: Any, _inputs: Properties) -> str | None:
    for name in ("name", "priority"):
        values = [rule.get(name) for rule in rules]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            return f"two rules have the {name} {value_text(twice)}"
    return None


_WAF_LOG = matches(
    r"arn:aws[\w-]*:(logs:[^:]*:\d+:log-group:aws-waf-logs-.+|s3:::aws-waf-logs-.+|firehose:.+:deliverystream/aws-waf-logs-.+)",
    "The ARN isn't valid. The name of the log destination has to begin with aws-waf-logs-",
)

RULES: tuple[Rule, ...] = (
    Rule("wafv2/webAcl:WebAcl", "defaultAction", "WAFInvalidParameterException", _default_action),
    Rule("wafv2/webAcl:WebAcl", "rules", "WAFInvalidParameterException", _rule_priorities),
    Rule("wafv2/webAcl:WebAcl", "rules[]", "WAFInvalidParameterException", _rule_action),
    Rule(
        "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        "logDestinationConfigs[]",
        "WAFInvalidParameterException",
        _WAF_LOG,
    ),
)
