"""The names of what a service is made of, and its registry."""

import os
import re
from pathlib import Path

import pytest
from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.gcp import CloudSqlDatabase, CloudSqlDatabaseArgs, Registry, RegistryArgs, VpcNetwork
from pulumi_fastapi.plan import Plan, Secret
from run_reading import planned

REPOSITORY = "gcp:artifactregistry/repository:Repository"


@pytest.fixture(autouse=True)
def _away_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def everything(name: str) -> Plan:
    """A service with every part that there is."""

    def program() -> None:
        database = CloudSqlDatabase(name, CloudSqlDatabaseArgs(network=VpcNetwork(name)))
        CloudRunFastAPIService(
            name,
            CloudRunFastAPIServiceArgs(
                app=FastAPIApp(secrets={"STRIPE_KEY": "sk_test_1234"}),
                database=database,
                secret_versions={"MAIL_KEY": "projects/p/secrets/mail/versions/1"},
                instances_max=1,
                access="IAM",
                members=["serviceAccount:job@shop-1.iam.gserviceaccount.com"],
                domain="api.example.com",
                dns_zone="example",
                requests_per_minute=600,
                migrate=["alembic", "upgrade", "head"],
                alert_emails=["ops@example.com"],
                slo_availability=0.995,
            ),
        )

    return planned(program)


def test_names_and_parents_are_kept() -> None:
    """Another name or parent replaces the resource in each stack: it needs an alias. `UPDATE_SNAPSHOTS=1` renews it."""
    snapshot = Path(__file__).parent / "run_resource_names.txt"
    names = "\n".join(sorted(each.urn.partition("::project::")[2] for each in everything("api").resources)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(names)
    assert names == snapshot.read_text()


@pytest.mark.parametrize("name", ["x" * 120, "Payments API (v2)/eu", "1st", "ünïcode", "API", "a"])
def test_any_name_makes_names_that_google_takes(name: str) -> None:
    """Pulumi adds eight characters to most of them."""
    for each in everything(name).resources:
        if not each.custom or each.type == "gcp:projects/service:Service":
            continue
        if each.type.startswith(("gcp:secretmanager/", "gcp:cloudrunv2/serviceIamMember")):  # any characters, up to 255
            assert len(each.name) + 8 <= 255
            continue
        limit = 30 if each.type == "gcp:serviceaccount/account:Account" else 63
        assert len(each.name) + 8 <= limit, each
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", each.name), each
        assert len(each.name) + 8 >= 6


def registry(**args: object) -> Plan:
    return planned(lambda: Registry("api", RegistryArgs(**args)))


def test_an_image_never_moves_and_its_cache_may() -> None:
    images, cache = registry().all(REPOSITORY)
    assert (images.name, images.inputs["dockerConfig"]) == ("api-images", {"immutableTags": True})
    assert (cache.name, cache.inputs["dockerConfig"]) == ("api-cache", {"immutableTags": False})


def test_the_registry_does_not_only_grow() -> None:
    images, cache = registry(keep_images=7).all(REPOSITORY)
    keep, delete = images.inputs["cleanupPolicies"]
    assert (keep["action"], keep["mostRecentVersions"]) == ("KEEP", {"keepCount": 7})
    assert (delete["action"], delete["condition"]["olderThan"]) == ("DELETE", "86400s")
    assert [each["action"] for each in cache.inputs["cleanupPolicies"]] == ["DELETE"]
    assert images.inputs["cleanupPolicyDryRun"] is False


@pytest.mark.parametrize("protected", [True, False])
def test_images_are_protected_as_asked_and_a_cache_never_is(protected: bool) -> None:
    images, cache = registry(deletion_protection=protected).all(REPOSITORY)
    assert bool(images.options.protect) is protected
    assert not cache.options.protect


def test_the_build_logs_in_with_a_token_that_nobody_sees() -> None:
    build = everything("api").find("docker-build:index:Image").inputs
    (login,) = build["registries"]
    assert login["address"] == "europe-west1-docker.pkg.dev"
    assert isinstance(login["password"], Secret)
    assert build["cacheTo"][0]["registry"]["ref"].startswith("europe-west1-docker.pkg.dev/shop-1/api-cache/app:cache-")
