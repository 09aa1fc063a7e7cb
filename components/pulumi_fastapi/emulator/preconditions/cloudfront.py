"""Distributions."""

from typing import NoReturn

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.invokes import MANAGED_POLICIES
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.values import Properties

_POLICIES_OF_BEHAVIOR = {
    "CachePolicyId": "CachePolicy",
    "OriginRequestPolicyId": "OriginRequestPolicy",
    "ResponseHeadersPolicyId": "ResponseHeadersPolicy",
}


def _cloudfront_refuses(operation: str, code: str, message: str) -> NoReturn:
    raise ApiError("cloudfront", operation, code, message)


@before("cloudfront:CreateDistribution", "cloudfront:UpdateDistribution")
def _distribution(api: Api, region: str, params: Properties) -> None:
    operation = "UpdateDistribution" if "Id" in params else "CreateDistribution"
    config = params["DistributionConfig"]
    _names_of_others(api, region, operation, params)
    _viewer_certificate(api, operation, config)
    listed = api.look_up("cloudfront", "ListOriginAccessControls", {}, region)["OriginAccessControlList"]
    controls = [each["Id"] for each in listed.get("Items") or []]
    for origin in config["Origins"]["Items"]:
        control = origin.get("OriginAccessControlId")
        if control and control not in controls:
            _cloudfront_refuses(operation, "InvalidOriginAccessControl", f"No origin access control {control}.")
    policies = api.look_up("cloudfront", "ListCachePolicies", {}, region)["CachePolicyList"]
    own = [each["CachePolicy"]["Id"] for each in policies.get("Items") or []]
    behaviors = [config["DefaultCacheBehavior"], *((config.get("CacheBehaviors") or {}).get("Items") or [])]
    for behavior in behaviors:
        for member, kind in _POLICIES_OF_BEHAVIOR.items():
            id = behavior.get(member)
            if id and id not in MANAGED_POLICIES[kind].values() and id not in own:
                text = f"The specified {member.removesuffix('Id')} does not exist: {id}"
                _cloudfront_refuses(operation, f"NoSuch{member.removesuffix('Id')}", text)
    acl = config.get("WebACLId")
    acls = find(api, "wafv2", "ListWebACLs", "WebACLs", "us-east-1", Scope="CLOUDFRONT") if acl else []
    if acl and acl not in [each["ARN"] for each in acls]:
        _cloudfront_refuses(operation, "InvalidWebACLId", f"Web ACL is not accessible by the requester: {acl}")
    _log_bucket(api, region, operation, config.get("Logging") or {})


def _names_of_others(api: Api, region: str, operation: str, params: Properties) -> None:
    wanted = set((params["DistributionConfig"].get("Aliases") or {}).get("Items") or [])
    for other in distributions(api, region):
        taken = wanted & set(other["Aliases"].get("Items") or [])
        if other["Id"] != params.get("Id") and taken:
            text = f"One or more of the CNAMEs you provided are already associated with a different resource: {taken}"
            _cloudfront_refuses(operation, "CNAMEAlreadyExists", text)


def distributions(api: Api, region: str) -> list[Properties]:
    return api.look_up("cloudfront", "ListDistributions", {}, region)["DistributionList"].get("Items") or []


def _viewer_certificate(api: Api, operation: str, config: Properties) -> None:
    arn = (config.get("ViewerCertificate") or {}).get("ACMCertificateArn")
    if not arn:
        return
    described = _certificate(api, arn)
    if described is None:
        text = (
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a "
            f"valid certificate chain: {arn}"
        )
        _cloudfront_refuses(operation, "InvalidViewerCertificate", text)
    names = {described["DomainName"], *(described.get("SubjectAlternativeNames") or [])}
    for alias in (config.get("Aliases") or {}).get("Items") or []:
        if not names & {alias, f"*.{alias.split('.', 1)[-1]}"}:
            text = f"The certificate that is attached to your distribution doesn't cover the alternate name {alias}"
            _cloudfront_refuses(operation, "InvalidViewerCertificate", text)


def _certificate(api: Api, arn: str) -> Properties | None:
    if arn.split(":")[3] != "us-east-1":
        return None
    try:
        found: Properties = api.look_up("acm", "DescribeCertificate", {"CertificateArn": arn}, "us-east-1")[
            "Certificate"
        ]
    except ApiError:
        return None
    return found


def _log_bucket(api: Api, region: str, operation: str, logging: Properties) -> None:
    """Logs of this kind are written with an ACL, which no bucket takes unless it is told to (since April 2023)."""
    if not logging.get("Enabled"):
        return
    bucket = logging["Bucket"].split(".s3")[0]
    try:
        answer = api.look_up("s3", "GetBucketOwnershipControls", {"Bucket": bucket}, region)
        rules = answer["OwnershipControls"]["Rules"]
    except ApiError:
        rules = []
    if not rules or rules[0]["ObjectOwnership"] == "BucketOwnerEnforced":
        text = f"The S3 bucket that you specified for CloudFront logs does not enable ACL access: {logging['Bucket']}"
        _cloudfront_refuses(operation, "InvalidArgument", text)
