"""CloudFront distributions as they were written; moto forgets half of each, and lets any be deleted.

Imported only when moto is prepared, as it imports moto itself.
"""

# mypy: disable-error-code="method-assign, attr-defined, no-untyped-call"
import datetime
import secrets
import string
import uuid
from typing import Any

from moto.cloudfront import urls
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
        create_cache_policy,
        get_cache_policy,
        update_cache_policy,
        delete_cache_policy,
        list_cache_policies,
    ):
        setattr(CloudFrontResponse, method.__name__, method)
    for name in ("create_origin_access_control", "update_origin_access_control"):
        setattr(CloudFrontResponse, name, _with_unique_name(getattr(CloudFrontResponse, name)))
    CloudFrontResponse.delete_origin_access_control = delete_origin_access_control
    for path in ("cache-policy$", "cache-policy/(?P<policy_id>[^/]+)$"):
        urls.url_paths[f"{{0}}/2020-05-31/{path}"] = CloudFrontResponse.dispatch


class Distribution:
    """One of the account, with all of its configuration."""

    def __init__(self, account: str, config: dict[str, Any]) -> None:
        self.id = "E" + "".join(secrets.choice(_ID) for _ in range(13))
        self.arn = f"arn:aws:cloudfront::{account}:distribution/{self.id}"
        self.domain_name = f"d{secrets.token_hex(7)}.cloudfront.net"
        self.write(config)

    def write(self, config: dict[str, Any]) -> None:
        self.config = {"Aliases": {"Quantity": 0}, **config}
        self.etag = _tag()
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


class CachePolicy:
    """One of the account's own."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.write(config)

    def write(self, config: dict[str, Any]) -> None:
        self.config = config
        self.etag = _tag()
        self.changed = datetime.datetime.now(datetime.UTC)

    @property
    def told(self) -> dict[str, Any]:
        return {"Id": self.id, "LastModifiedTime": self.changed, "CachePolicyConfig": self.config}


def _tag() -> str:
    return "E" + "".join(secrets.choice(_ID) for _ in range(12))


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
    """The distribution that a change is about."""
    found = _known(response)
    _require_match(response, found)
    return found


def _require_match(response: Any, found: Distribution | CachePolicy) -> None:
    """A change has to prove that it knows the last one."""
    given = response._get_param("IfMatch")
    if given is None:
        raise _refuse("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if given != found.etag:
        message = "The request failed because it didn't meet the preconditions in one or more request-header fields."
        raise _refuse("PreconditionFailed", message)


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


# ------------------------------------------------------------------------------------------------------ cache policies
def _policies(response: Any) -> dict[str, CachePolicy]:
    found: dict[str, CachePolicy] = response.backend.__dict__.setdefault("cache_policies", {})
    return found


def _policy(response: Any) -> CachePolicy:
    found = _policies(response).get(response._get_param("Id"))
    if found is None:
        raise _refuse("NoSuchCachePolicy", "The cache policy does not exist.")
    return found


def _policy_config(response: Any) -> dict[str, Any]:
    config: dict[str, Any] = response._get_param("CachePolicyConfig", {})
    id = response._get_param("Id")
    if any(each.config["Name"] == config["Name"] and each.id != id for each in _policies(response).values()):
        raise _refuse("CachePolicyAlreadyExists", "A cache policy with this name already exists.")
    return config


def create_cache_policy(self: Any) -> ActionResult:
    made = CachePolicy(_policy_config(self))
    _policies(self)[made.id] = made
    return ActionResult({"CachePolicy": made.told, "ETag": made.etag, "Location": made.id})


def get_cache_policy(self: Any) -> ActionResult:
    found = _policy(self)
    return ActionResult({"CachePolicy": found.told, "ETag": found.etag})


def update_cache_policy(self: Any) -> ActionResult:
    found = _policy(self)
    _require_match(self, found)
    found.write(_policy_config(self))
    return ActionResult({"CachePolicy": found.told, "ETag": found.etag})


def delete_cache_policy(self: Any) -> EmptyResult:
    found = _policy(self)
    _require_match(self, found)
    for each in _all(self).values():
        behaviors = [each.config["DefaultCacheBehavior"], *(each.config.get("CacheBehaviors") or {}).get("Items", [])]
        if any(behavior.get("CachePolicyId") == found.id for behavior in behaviors):
            message = "Cannot delete the cache policy because it is attached to one or more cache behaviors."
            raise _refuse("CachePolicyInUse", message)
    del _policies(self)[found.id]
    return EmptyResult()


def list_cache_policies(self: Any) -> ActionResult:
    """The account's own; those of AWS are in `invokes`."""
    items = [{"Type": "custom", "CachePolicy": each.told} for each in _policies(self).values()]
    return ActionResult({"CachePolicyList": {"MaxItems": 100, "Quantity": len(items), "Items": items or None}})
