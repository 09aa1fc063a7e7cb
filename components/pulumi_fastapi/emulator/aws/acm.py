"""Certificates and their validation."""

from typing import Any

from pulumi_fastapi.emulator.api import ApiError
from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by
from pulumi_fastapi.emulator.mapping import text_of
from pulumi_fastapi.emulator.resource import EVERYTHING, Context, Read, ResourceType


def _validation_options(context: Context) -> list[dict[str, Any]]:
    options = []
    for option in context.live.get("DomainValidationOptions") or []:
        record = option.get("ResourceRecord")
        if record:
            options.append(
                {
                    "domainName": option["DomainName"],
                    "resourceRecordName": record["Name"],
                    "resourceRecordType": record["Type"],
                    "resourceRecordValue": record["Value"],
                }
            )
    return options


def _issued_at(context: Context) -> str:
    return text_of(context.created["Certificate"].get("IssuedAt") or "0001-01-01T00:00:00Z")


def _check_records(context: Context) -> None:
    """The real provider refuses records that are not those the certificate asks for."""
    given = context.inputs.get("validationRecordFqdns")
    if given is None:
        return
    options = context.live.get("DomainValidationOptions") or context.created["Certificate"]["DomainValidationOptions"]
    wanted = {option["ResourceRecord"]["Name"].rstrip(".") for option in options if option.get("ResourceRecord")}
    missing = wanted - {str(name).rstrip(".") for name in given}
    if missing:
        raise ApiError(
            "acm", "DescribeCertificate", "ValidationException", f"missing DNS validation record: {sorted(missing)[0]}"
        )


ROWS = (
    ResourceType(
        pulumi_type="aws:acm/certificate:Certificate",
        service="acm",
        create="RequestCertificate",
        id="CertificateArn",
        fields={"validationOptions": "DomainValidationOptions", "earlyRenewalDuration": None},
        read=Read("DescribeCertificate", by_id("CertificateArn"), "Certificate"),
        delete=delete_by("DeleteCertificate", "CertificateArn"),
        # The answer lists the main domain among the alternative names, and moto knows neither of the others.
        not_read=frozenset({"subjectAlternativeNames", "keyAlgorithm", "validationMethod", "options"}),
        replace_on=frozenset(
            {
                "domainName",
                "subjectAlternativeNames",
                "validationMethod",
                "keyAlgorithm",
                "validationOptions",
                "certificateAuthorityArn",
            }
        ),
        outputs={
            "arn": "CertificateArn",
            "status": "Status",
            "domainValidationOptions": _validation_options,
        },
    ),
    ResourceType(
        pulumi_type="aws:acm/certificateValidation:CertificateValidation",
        service="acm",
        create="DescribeCertificate",
        id=_issued_at,
        fields={"validationRecordFqdns": None},
        read=Read("DescribeCertificate", by_input(CertificateArn="certificateArn"), "Certificate"),
        delete=None,
        after_update=_check_records,
        replace_on=EVERYTHING,
    ),
)
