"""Rules about a stack as a whole."""

from collections import Counter
from collections.abc import Iterator
from typing import Optional

from ..planned import Resource, is_unknown
from . import Facts, Problem, enabled, rule, texts

# Services whose resources live in one region wherever they are used from.
_GLOBAL_MODULES = ("iam", "route53", "cloudfront", "waf", "shield", "organizations", "globalaccelerator")
# CloudFront takes certificates and web ACLs from us-east-1 only.
_FOR_CLOUDFRONT = ("aws:acm/", "aws:wafv2/")


@rule(severity="error")
def output_written_as_text(facts: Facts) -> Iterator[Problem]:
    """An Output in an f-string becomes a help text, which is deployed as part of a name, a URL or a variable."""
    for resource in facts.plan.resources:
        if _is_help(resource.name):
            yield Problem(f"the name of a {resource.type} holds the text of an unresolved Output", "use a plain name")
            continue
        for key, value in {**resource.inputs, **({} if resource.custom else resource.outputs)}.items():
            if any(_is_help(each) for each in texts(value)):
                yield Problem(
                    f"{resource.type} {resource.name!r} holds the text of an unresolved Output in {key}",
                    'build the text with pulumi.Output.format("https://{}", value) or concat, not with an f-string',
                )
    for key, value in facts.plan.outputs.items():
        if any(_is_help(each) for each in texts(value)):
            yield Problem(f"the export {key!r} holds the text of an unresolved Output", "export the Output itself")


def _is_help(text: str) -> bool:
    return "Calling __str__ on an Output" in text or "<pulumi.output.Output object" in text


@rule(severity="warning")
def outside_the_region(facts: Facts) -> Iterator[Problem]:
    """A region that reaches only some parts of a service deploys halves that cannot see each other."""
    for root in facts.plan.roots():
        regions = {resource: _region(resource, facts) for resource in _descendants(root)}
        known = Counter(region for region in regions.values() if region)
        if len(known) < 2:
            continue
        usual = known.most_common(1)[0][0]
        for resource, region in regions.items():
            if region and region != usual and not (region == "us-east-1" and resource.type.startswith(_FOR_CLOUDFRONT)):
                yield Problem(
                    f"{resource.type} {resource.name!r} is in {region}, the rest of {root.name!r} in {usual}",
                    "set the region once, in the provider or in aws:region, and hand the provider to the component",
                )


@rule("aws:ec2/subnet:Subnet", "aws:rds/instance:Instance", "aws:ec2/instance:Instance", severity="error")
def zone_of_another_region(resource: Resource, facts: Facts) -> Iterator[Problem]:
    """AWS refuses a zone that is not in the region it is asked in, when the first resources stand already."""
    zone, region = resource.inputs.get("availabilityZone"), _region(resource, facts)
    if isinstance(zone, str) and region and not zone.startswith(region):
        yield Problem(
            f"is in zone {zone} but its region is {region}",
            f"take the zones from aws.get_availability_zones() in {region}",
        )


@rule(severity="info")
def how_to_destroy(facts: Facts) -> Iterator[Problem]:
    """What is protected stops a destroy half-way; better to know the switches beforehand."""
    switches: list[str] = []
    for resource in facts.plan.resources:
        if resource.read or not resource.custom:
            continue
        for key in ("deletionProtection", "enableDeletionProtection"):
            if not is_unknown(resource.inputs.get(key)) and enabled(resource, key):
                switches.append(f"{resource.name} ({key})")
        if resource.options.protect and (resource.parent is None or not resource.parent.options.protect):
            switches.append(f"{resource.name} (Pulumi's protect)")
    if switches:
        yield Problem(
            f"destroy is refused by: {', '.join(switches)}",
            "to destroy on purpose: 1. switch these off in the program or its configuration and run `pulumi up` "
            "(for Pulumi's protect: `pulumi state unprotect`), 2. run `pulumi destroy`",
        )


def _descendants(root: Resource) -> Iterator[Resource]:
    yield root
    for child in root.children:
        yield from _descendants(child)


def _region(resource: Resource, facts: Facts) -> Optional[str]:
    """Where a regional resource of AWS stands."""
    package, _, rest = resource.type.partition(":")
    if package != "aws" or not resource.custom or rest.startswith(_GLOBAL_MODULES):
        return None
    for source in (resource, resource.provider):
        region = source.inputs.get("region") if source else None
        if isinstance(region, str):
            return region
    return facts.plan.region
