"""Certificates."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.preconditions.cloudfront import distributions
from pulumi_fastapi.emulator.values import Properties


@before("acm:DeleteCertificate")
def _certificate_in_use(api: Api, region: str, params: Properties) -> None:
    arn = params["CertificateArn"]
    for balancer in find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region):
        listeners = find(
            api, "elbv2", "DescribeListeners", "Listeners", region, LoadBalancerArn=balancer["LoadBalancerArn"]
        )
        if any(arn == item["CertificateArn"] for listener in listeners for item in listener.get("Certificates") or []):
            raise ApiError("acm", "DeleteCertificate", "ResourceInUseException", f"Certificate {arn} is in use.")
    for config in distributions(api, region):
        if config["ViewerCertificate"].get("ACMCertificateArn") == arn:
            raise ApiError("acm", "DeleteCertificate", "ResourceInUseException", f"Certificate {arn} is in use.")
    for domain in find(api, "apigatewayv2", "GetDomainNames", "Items", region):
        if any(each.get("CertificateArn") == arn for each in domain["DomainNameConfigurations"]):
            raise ApiError("acm", "DeleteCertificate", "ResourceInUseException", f"Certificate {arn} is in use.")
