"""Rules for what stands around a service on Google Cloud: entry, permissions, images, alerts."""

from collections.abc import Iterator

from ..planned import Resource
from . import Facts, Problem, enabled, get, rule

HTTPS_PROXY = "gcp:compute/targetHttpsProxy:TargetHttpsProxy"
HTTP_PROXY = "gcp:compute/targetHttpProxy:TargetHttpProxy"
TLS_POLICY = "gcp:compute/sSLPolicy:SSLPolicy"
URLS = "gcp:compute/uRLMap:URLMap"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"

_OLD_TLS = ("TLS_1_0", "TLS_1_1")
_SHOWN = 3
_WHOLE_PROJECT = ("roles/owner", "roles/editor")


@rule(HTTPS_PROXY, severity="warning")
def google_old_tls(proxy: Resource, facts: Facts) -> Iterator[Problem]:
    """Google's default accepts TLS 1.0, and ciphers without forward secrecy (CIS Google Cloud 3.9)."""
    policies = facts.referred(proxy, "sslPolicy", TLS_POLICY)
    if proxy.inputs.get("sslPolicy") is None or any(
        get(policy, "minTlsVersion", default="TLS_1_0") in _OLD_TLS for policy in policies
    ):
        yield Problem(
            "accepts TLS 1.0 and 1.1",
            "give it an sslPolicy with minTlsVersion TLS_1_2 and profile MODERN",
        )


@rule(HTTP_PROXY, severity="warning")
def google_http_without_redirect(proxy: Resource, facts: Facts) -> Iterator[Problem]:
    """What is sent over HTTP can be read and changed on the way."""
    for urls in facts.referred(proxy, "urlMap", URLS):
        if not enabled(urls, "defaultUrlRedirect", "httpsRedirect"):
            yield Problem(
                "answers over HTTP", "give it a URL map of its own, with nothing but defaultUrlRedirect.httpsRedirect"
            )


@rule(
    "gcp:projects/iAMMember:IAMMember",
    "gcp:projects/iAMBinding:IAMBinding",
    severity="error",
)
def google_role_over_the_project(grant: Resource, _: Facts) -> Iterator[Problem]:
    """Who breaks into an account with such a role has the project (CIS Google Cloud 1.5)."""
    members = [get(grant, "member", default=""), *get(grant, "members", default=[])]
    if get(grant, "role") in _WHOLE_PROJECT and any(str(each).startswith("serviceAccount:") for each in members):
        yield Problem(
            f"gives a service account {get(grant, 'role')}, which is everything in the project",
            "grant the roles that it needs, on the resources that it needs them for",
        )


@rule("gcp:artifactregistry/repository:Repository", severity="warning")
def google_images_kept_forever(repository: Resource, _: Facts) -> Iterator[Problem]:
    """Each deploy leaves an image, and every one of them is billed by the month."""
    if not get(repository, "cleanupPolicies"):
        yield Problem("keeps every image for ever", "add cleanupPolicies that keep the newest ones")
    elif enabled(repository, "cleanupPolicyDryRun"):
        yield Problem("only says what it would clean up", "set cleanupPolicyDryRun to false")


@rule(severity="info")
def google_alert_tells_nobody(facts: Facts) -> Iterator[Problem]:
    """An alert without a channel is seen by those who look for it."""
    silent = [alert.name for alert in facts.all(ALERT) if not alert.inputs.get("notificationChannels")]
    if silent:
        more = f" and {len(silent) - _SHOWN} more" if len(silent) > _SHOWN else ""
        yield Problem(
            f"{len(silent)} alert policies tell nobody: {', '.join(silent[:_SHOWN])}{more}",
            "add notificationChannels, such as e-mail addresses",
        )
