"""How each service tags: the same thing in a dozen spellings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pulumi_fastapi.emulator.values import Properties


def pairs_of(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in tags.items()]


def tags_of(tags: Any) -> dict[str, str]:
    """Tags in whatever form a service tells them, as a map."""
    if isinstance(tags, Mapping):
        return dict(tags)
    found: dict[str, str] = {}
    for tag in tags:
        named = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
        found[named["key"]] = named.get("value", "")
    return found


@dataclass(frozen=True, kw_only=True)
class Tagging:
    tag: str
    untag: str | None
    identify: Callable[[str, str], Mapping[str, Any]]
    """Members that name the resource, from its ARN and ID."""
    tags_member: str = "Tags"
    keys_member: str = "TagKeys"
    form: Literal["pairs", "map"] = "pairs"
    key: str = "Key"
    value: str = "Value"
    untag_with_pairs: bool = False
    wrapped: bool = False
    """Tags and keys stand in a structure, as its `Items`."""
    list_operation: str | None = None
    list_path: str = "Tags"

    def list_request(self, arn: str, id: str) -> Properties:
        return dict(self.identify(arn, id))

    def write(
        self, arn: str, id: str, changed: Mapping[str, str], removed: Iterable[str], everything: Mapping[str, str]
    ) -> Iterable[tuple[str, Properties]]:
        """The calls that set the changed tags and take the removed ones away."""
        names = dict(self.identify(arn, id))
        removed = list(removed)
        if self.untag is None:
            # S3 knows no single tag, only the whole set.
            if everything:
                yield self.tag, {**names, self.tags_member: {"TagSet": pairs_of(everything)}}
            else:
                yield "DeleteBucketTagging", names
            return
        if changed:
            sent: Any = dict(changed) if self.form == "map" else pairs_of(changed, self.key, self.value)
            yield self.tag, {**names, self.tags_member: self._wrap(sent)}
        if removed:
            keys: Any = [{"Key": name} for name in removed] if self.untag_with_pairs else removed
            member = self.tags_member if self.untag_with_pairs else self.keys_member
            yield self.untag, {**names, member: self._wrap(keys)}

    def _wrap(self, items: Any) -> Any:
        return {"Items": items} if self.wrapped else items


def _by_arn(member: str) -> Callable[[str, str], Mapping[str, Any]]:
    return lambda arn, _id: {member: arn}


def _by_id(member: str) -> Callable[[str, str], Mapping[str, Any]]:
    return lambda _arn, id: {member: id}


def _in_list(member: str) -> Callable[[str, str], Mapping[str, Any]]:
    return lambda arn, _id: {member: [arn]}


TAGGING: Mapping[str, Tagging] = {
    "acm": Tagging(
        tag="AddTagsToCertificate",
        untag="RemoveTagsFromCertificate",
        untag_with_pairs=True,
        identify=_by_arn("CertificateArn"),
        list_operation="ListTagsForCertificate",
    ),
    "apigatewayv2": Tagging(
        tag="TagResource", untag="UntagResource", form="map", identify=_by_arn("ResourceArn"), list_operation="GetTags"
    ),
    "cloudfront": Tagging(
        tag="TagResource",
        untag="UntagResource",
        wrapped=True,
        identify=_by_arn("Resource"),
        list_operation="ListTagsForResource",
        list_path="Tags.Items",
    ),
    "cloudwatch": Tagging(
        tag="TagResource",
        untag="UntagResource",
        identify=_by_arn("ResourceARN"),
        list_operation="ListTagsForResource",
    ),
    "codedeploy": Tagging(
        tag="TagResource",
        untag="UntagResource",
        identify=_by_arn("ResourceArn"),
        list_operation="ListTagsForResource",
    ),
    "ec2": Tagging(
        tag="CreateTags", untag="DeleteTags", untag_with_pairs=True, identify=lambda _arn, id: {"Resources": [id]}
    ),
    "ecr": Tagging(
        tag="TagResource",
        untag="UntagResource",
        tags_member="tags",
        keys_member="tagKeys",
        identify=_by_arn("resourceArn"),
        list_operation="ListTagsForResource",
        list_path="tags",
    ),
    "ecs": Tagging(
        tag="TagResource",
        untag="UntagResource",
        tags_member="tags",
        keys_member="tagKeys",
        key="key",
        value="value",
        identify=_by_arn("resourceArn"),
        list_operation="ListTagsForResource",
        list_path="tags",
    ),
    "elbv2": Tagging(
        tag="AddTags",
        untag="RemoveTags",
        identify=_in_list("ResourceArns"),
        list_operation="DescribeTags",
        list_path="TagDescriptions[0].Tags",
    ),
    "iam": Tagging(tag="TagRole", untag="UntagRole", identify=_by_id("RoleName"), list_operation="ListRoleTags"),
    "kms": Tagging(
        tag="TagResource",
        untag="UntagResource",
        key="TagKey",
        value="TagValue",
        identify=_by_id("KeyId"),
        list_operation="ListResourceTags",
    ),
    "lambda": Tagging(
        tag="TagResource", untag="UntagResource", form="map", identify=_by_arn("Resource"), list_operation="ListTags"
    ),
    "logs": Tagging(
        tag="TagResource",
        untag="UntagResource",
        form="map",
        tags_member="tags",
        keys_member="tagKeys",
        identify=_by_arn("resourceArn"),
        list_operation="ListTagsForResource",
        list_path="tags",
    ),
    "rds": Tagging(
        tag="AddTagsToResource",
        untag="RemoveTagsFromResource",
        identify=_by_arn("ResourceName"),
        list_operation="ListTagsForResource",
        list_path="TagList",
    ),
    "s3": Tagging(
        tag="PutBucketTagging",
        untag=None,
        tags_member="Tagging",
        identify=_by_id("Bucket"),
        list_operation="GetBucketTagging",
        list_path="TagSet",
    ),
    "secretsmanager": Tagging(tag="TagResource", untag="UntagResource", identify=_by_id("SecretId")),
    "sns": Tagging(
        tag="TagResource",
        untag="UntagResource",
        identify=_by_arn("ResourceArn"),
        list_operation="ListTagsForResource",
    ),
    "sqs": Tagging(
        tag="TagQueue",
        untag="UntagQueue",
        form="map",
        identify=_by_id("QueueUrl"),
        list_operation="ListQueueTags",
    ),
    "wafv2": Tagging(
        tag="TagResource",
        untag="UntagResource",
        identify=_by_arn("ResourceARN"),
        list_operation="ListTagsForResource",
        list_path="TagInfoForResource.TagList",
    ),
}
