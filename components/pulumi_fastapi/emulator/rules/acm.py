"""Certificates."""

from pulumi_fastapi.emulator.rules.judges import DOMAIN, Rule, one_of

RULES: tuple[Rule, ...] = (
    Rule("acm/certificate:Certificate", "domainName", "ValidationException", DOMAIN),
    Rule("acm/certificate:Certificate", "subjectAlternativeNames[]", "ValidationException", DOMAIN),
    Rule(
        "acm/certificate:Certificate",
        "validationMethod",
        "ValidationException",
        one_of("DNS", "EMAIL", "HTTP", "NONE"),
    ),
)
