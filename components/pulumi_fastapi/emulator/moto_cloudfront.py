"""CloudFront distributions as they were written; moto forgets half of each, and lets any be deleted.

Imported only when moto is prepared, as it imports moto itself.
"""

# mypy: disable-error-code="method-assign, attr-defined, no-untyped-call"
import datetime
import secrets
import string
from typing import Any

from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult

_ID = string.ascii_uppercase + string.digits


def install() -> None:
    """Put all of it into moto, in this process only."""
    for method in (
        create_distribution,
        get_distribution,
        get_distribution_config,
        update_distribution,
        delete_distribution,
        list_distributions,
    ):
        setattr(CloudFrontResponse, method.__name__, method)
    for name in ("create_origin_access_control", "update_origin_access_control"):
        setattr(CloudFrontResponse, name, _with_unique_name(getattr(CloudFrontResponse, name)))
    CloudFrontResponse.delete_origin_access_control = delete_origin_access_control


class Distribution:
    """One of the account, with all of its configuration."""

    def __init__(self, account: str, config: dict[str, Any]) -> None:
        self.id = "E" + "".join(secrets.choice(_ID) for _ in range(13))
        self.arn = f"arn:aws:cloudfront::{account}:distribution/{self.id}"
        self.domain_name = f"d{secrets.token_hex(7)}.cloudfront.net"
        self.write(config)

    def write(self, config: dict[str, Any]) -> None:
        self.config = {"Aliases": {"Quantity": 0}, **config}
        self.etag = "E" + "".join(secrets.choice(_ID) for _ in range(12))
        self.changed = datetime.datetime.now(datetime.UTC)

    @property
    def told(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "ARN": self.arn,
            "Status": "Deployed",
            "LastModifiedTime": self.changed,
            "InProgressInvalidationBatches": 0,
            "DomainName": self.domain_name,
            "DistributionConfig": self.config,
        }


def _refuse(code: str, message: str) -> CloudFrontException:
    return CloudFrontException(code, message)


def _all(response: Any) -> dict[str, Distribution]:
    found: dict[str, Distribution] = response.backend.distributions
    return found


def _known(response: Any) -> Distribution:
    found = _all(response).get(response._get_param("Id"))
    if found is None:
        raise _refuse("NoSuchDistribution", "The specified distribution does not exist.")
    return found


def _matched(response: Any) -> Distribution:
    """The distribution that a change is about, if it proves to know the last change."""
    found = _known(response)
    given = response._get_param("IfMatch")
    if given is None:
        raise _refuse("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if given != found.etag:
        message = "The request failed because it didn't meet the preconditions in one or more request-header fields."
        raise _refuse("PreconditionFailed", message)
    return found


def create_distribution(self: Any) -> ActionResult:
    config = self._get_param("DistributionConfig", {})
    if any(each.config["CallerReference"] == config["CallerReference"] for each in _all(self).values()):
        message = "The caller reference you attempted to create the distribution with is associated with another one."
        raise _refuse("DistributionAlreadyExists", message)
    made = Distribution(self.current_account, config)
    _all(self)[made.id] = made
    return ActionResult({"Distribution": made.told, "ETag": made.etag, "Location": made.arn})


def get_distribution(self: Any) -> ActionResult:
    found = _known(self)
    return ActionResult({"Distribution": found.told, "ETag": found.etag})


def get_distribution_config(self: Any) -> ActionResult:
    found = _known(self)
    return ActionResult({"DistributionConfig": found.config, "ETag": found.etag})


def update_distribution(self: Any) -> ActionResult:
    found = _matched(self)
    config = self._get_param("DistributionConfig", {})
    if config["CallerReference"] != found.config["CallerReference"]:
        raise _refuse("IllegalUpdate", "The update contains modifications that are not allowed.")
    found.write(config)
    return ActionResult({"Distribution": found.told, "ETag": found.etag})


def delete_distribution(self: Any) -> EmptyResult:
    found = _matched(self)
    if found.config["Enabled"]:
        message = "The distribution you are trying to delete has not been disabled."
        raise _refuse("DistributionNotDisabled", message)
    del _all(self)[found.id]
    return EmptyResult()


def list_distributions(self: Any) -> ActionResult:
    defaults = {"WebACLId": "", "ViewerCertificate": {"CloudFrontDefaultCertificate": True}}
    items = [{**defaults, **each.told, **each.config} for each in _all(self).values()]
    told = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items), "Items": items or None}
    return ActionResult({"DistributionList": told})


def _with_unique_name(write: Any) -> Any:
    def written(self: Any) -> Any:
        name = self._get_param("OriginAccessControlConfig", {}).get("Name")
        id = self._get_param("Id")
        if any(each.name == name and each.id != id for each in self.backend.origin_access_controls.values()):
            message = "An origin access control with this name already exists."
            raise _refuse("OriginAccessControlAlreadyExists", message)
        return write(self)

    written.__name__ = write.__name__
    return written


def delete_origin_access_control(self: Any) -> EmptyResult:
    id = self._get_param("Id")
    self.backend.get_origin_access_control(id)  # raises when there is none
    origins = [origin for each in _all(self).values() for origin in each.config["Origins"]["Items"]]
    if any(origin.get("OriginAccessControlId") == id for origin in origins):
        message = "The specified origin access control is in use by one or more distributions."
        raise _refuse("OriginAccessControlInUse", message)
    self.backend.delete_origin_access_control(id)
    return EmptyResult()
