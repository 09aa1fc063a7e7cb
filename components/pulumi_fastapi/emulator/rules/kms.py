"""Keys."""

from pulumi_fastapi.emulator.rules.judges import Rule, between, matches
from pulumi_fastapi.emulator.rules.policies import resource_policy

RULES: tuple[Rule, ...] = (
    Rule("kms/key:Key", "deletionWindowInDays", "ValidationException", between(7, 30, "days")),
    Rule(
        "kms/alias:Alias",
        "name",
        "ValidationException",
        matches(r"alias/(?!aws/)[a-zA-Z0-9/_-]{1,250}", "Alias must start with the prefix alias/, and not alias/aws/"),
    ),
    Rule("kms/key:Key", "policy", "MalformedPolicyDocumentException", resource_policy),
)
