"""Revisions, traffic and jobs of the emulated Cloud Run."""

from typing import Any

import pytest
from google_world import REGION

SERVICE = "gcp:cloudrunv2/service:Service"
HOME = "https://run.googleapis.com/v2/projects/shop-1/locations/us-central1"
LATEST, REVISION = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
NOT_READY = {"operation": "run:Revision", "effect": "failed", "log": "no database"}


def service(version: int, revision: str = "", traffics: Any = None, **more: Any) -> dict[str, Any]:
    template: dict[str, Any] = {"containers": [{"image": f"public.example.com/api:{version}"}], **more}
    if revision:
        template["revision"] = revision
    inputs: dict[str, Any] = {"name": "api", "location": REGION, "deletionProtection": False, "template": template}
    return {**inputs, "traffics": traffics} if traffics else inputs


def short(name: str) -> str:
    return name.rsplit("/", 1)[1]


def shares(outputs: dict[str, Any]) -> dict[str, int]:
    return {each.get("revision", "latest"): int(each.get("percent", 0)) for each in outputs["trafficStatuses"]}


def stored(google: Any) -> dict[str, Any]:
    return google.cloud.call("GET", f"{HOME}/services/api")


def test_a_new_service_serves_its_first_revision(google):
    made = google.create(SERVICE, **service(1, "api-one"))

    assert short(made.outputs["latestReadyRevision"]) == "api-one"
    assert made.outputs["latestCreatedRevision"] == made.outputs["latestReadyRevision"]
    assert shares(made.outputs) == {"latest": 100}
    assert [each["state"] for each in made.outputs["terminalConditions"]] == ["CONDITION_SUCCEEDED"]
    assert made.outputs["generation"] == made.outputs["observedGeneration"] == "1"


def test_an_update_without_another_template_makes_no_revision(google):
    made = google.create(SERVICE, **service(1))

    updated = google.update(made, {**service(1), "description": "other"})

    assert updated.outputs["latestCreatedRevision"] == made.outputs["latestCreatedRevision"]
    assert updated.outputs["generation"] == "2"


def test_a_revision_that_is_not_ready_gets_no_traffic(google):
    made = google.create(SERVICE, **service(1, "api-one"))
    google.cloud.faults.replace([NOT_READY])

    with pytest.raises(RuntimeError, match=r"Error code 9, message: Revision 'api-two' is not ready .* no database"):
        google.update(made, service(2, "api-two"))

    found = stored(google)
    assert short(found["latestCreatedRevision"]) == "api-two"
    assert short(found["latestReadyRevision"]) == "api-one"
    assert found["terminalCondition"]["state"] == "CONDITION_FAILED"
    assert found["terminalCondition"]["revisionReason"] == "HEALTH_CHECK_CONTAINER_ERROR"
    assert (found["generation"], found["observedGeneration"], found["reconciling"]) == ("2", "1", False)


def test_a_failed_first_revision_leaves_the_service(google):
    google.cloud.faults.replace([NOT_READY])

    with pytest.raises(RuntimeError, match="Error waiting to create Service"):
        google.create(SERVICE, **service(1))

    assert stored(google)["trafficStatuses"] == []
    with pytest.raises(RuntimeError, match="Error 409"):
        google.create(SERVICE, **service(1))


def test_a_candidate_gets_its_share_under_a_tag(google):
    made = google.create(SERVICE, **service(1, "api-one"))
    split = [
        {"type": REVISION, "revision": "api-one", "percent": 90},
        {"type": REVISION, "revision": "api-two", "percent": 10, "tag": "candidate"},
    ]

    updated = google.update(made, service(2, "api-two", split))

    assert shares(updated.outputs) == {"api-one": 90, "api-two": 10}
    assert updated.outputs["trafficStatuses"][1]["uri"].startswith("https://candidate---api-")


def test_a_candidate_without_traffic_is_not_the_latest_ready_revision(google):
    made = google.create(SERVICE, **service(1, "api-one"))
    split = [
        {"type": REVISION, "revision": "api-one", "percent": 100},
        {"type": REVISION, "revision": "api-two", "percent": 0, "tag": "candidate"},
    ]

    updated = google.update(made, service(2, "api-two", split))

    assert short(updated.outputs["latestReadyRevision"]) == "api-one"
    assert short(updated.outputs["latestCreatedRevision"]) == "api-two"


def test_traffic_goes_back_without_another_revision(google):
    made = google.create(SERVICE, **service(1, "api-one"))
    second = google.update(made, service(2, "api-two"))

    back = google.update(second, service(2, "api-two", [{"type": REVISION, "revision": "api-one", "percent": 100}]))

    assert shares(back.outputs) == {"api-one": 100}
    assert back.outputs["latestCreatedRevision"] == second.outputs["latestCreatedRevision"]


def test_traffic_to_a_revision_that_does_not_exist_fails(google):
    made = google.create(SERVICE, **service(1, "api-one"))

    with pytest.raises(RuntimeError, match="Revision 'api-zero' does not exist or is deleted"):
        google.update(made, service(1, "api-one", [{"type": REVISION, "revision": "api-zero", "percent": 100}]))

    assert shares(stored(google)) == {"latest": 100}


def test_the_name_of_a_revision_is_used_once(google):
    made = google.create(SERVICE, **service(1, "api-one"))

    with pytest.raises(RuntimeError, match="Error 409: Revision named 'api-one' with different configuration"):
        google.update(made, service(2, "api-one"))


def test_an_earlier_template_is_its_earlier_revision(google):
    first = google.create(SERVICE, **service(1, "api-one"))
    second = google.update(first, service(2, "api-two"))

    again = google.update(second, service(1, "api-one"))

    assert short(again.outputs["latestReadyRevision"]) == "api-one"


def test_dropping_the_traffic_keeps_the_last_split(google):
    split = [{"type": REVISION, "revision": "api-one", "percent": 100}]
    made = google.create(SERVICE, **service(1, "api-one", split))

    updated = google.update(made, service(2, "api-two"))

    assert google.changes(made, service(1, "api-one")) == "same"
    assert shares(updated.outputs) == {"api-one": 100}


def test_a_secret_needs_a_grant_before_the_revision_starts(google):
    account = google.create("gcp:serviceaccount/account:Account", accountId="api-runtime")
    secret = google.create("gcp:secretmanager/secret:Secret", secretId="url", replication={"auto": {}})
    google.create("gcp:secretmanager/secretVersion:SecretVersion", secret=secret.id, secretData="x")
    reference = {"secretKeyRef": {"secret": "url", "version": "1"}}
    container = {"image": "x", "envs": [{"name": "URL", "valueSource": reference}]}
    template = {"containers": [container], "serviceAccount": account.outputs["email"]}

    with pytest.raises(
        RuntimeError, match=r"Permission denied on secret: projects/\d+/secrets/url/versions/1 .* api-runtime"
    ):
        google.create(SERVICE, name="api", location=REGION, template=template)

    member = account.outputs["member"]
    google.create(
        "gcp:projects/iAMMember:IAMMember", project="shop-1", role="roles/secretmanager.secretAccessor", member=member
    )
    assert google.create(SERVICE, name="other", location=REGION, template=template).outputs["latestReadyRevision"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"serviceAccount": "nope@shop-1.iam.gserviceaccount.com"}, "iam.serviceaccounts.actAs"),
        ({"vpcAccess": {"networkInterfaces": [{"network": "nope"}]}}, "VPC network nope does not exist"),
    ],
)
def test_what_a_revision_stands_on_has_to_be_there(google, template, words):
    with pytest.raises(RuntimeError, match=words):
        google.create(SERVICE, **service(1, **template))


def test_a_revision_that_serves_is_not_deleted(google):
    google.create(SERVICE, **service(1, "api-one"))

    with pytest.raises(Exception, match="'api-one' is in use"):
        google.cloud.call("DELETE", f"{HOME}/services/api/revisions/api-one")


# ------------------------------------------------------------------------------------------------------ the false green
def test_after_a_failed_update_the_state_says_that_all_is_well(google, unhealthy):
    """What the real provider leaves behind: wanted inputs, old outputs, and so nothing left to do."""
    assert unhealthy.outputs["terminalConditions"][0]["state"] == "CONDITION_SUCCEEDED"
    assert short(unhealthy.outputs["latestCreatedRevision"]) == "api-one"
    assert google.changes(unhealthy, service(2, "api-two")) == "same"


def test_the_retry_of_a_failed_update_makes_no_call(google, unhealthy):
    before = list(google.cloud.calls)

    google.update(unhealthy, service(2, "api-two"))

    assert google.cloud.calls == before


def test_a_refresh_tells_the_truth(google, unhealthy):
    found = google.refresh(unhealthy)

    assert found.outputs["terminalConditions"][0]["state"] == "CONDITION_FAILED"
    assert short(found.outputs["latestCreatedRevision"]) == "api-two"


@pytest.fixture
def unhealthy(google) -> Any:
    """A service after an update to a revision that does not get ready, as the engine keeps it."""
    made = google.create(SERVICE, **service(1, "api-one"))
    google.cloud.faults.replace([NOT_READY])
    return google.update_that_fails(made, service(2, "api-two"))


# ----------------------------------------------------------------------------------------------------------------- jobs
@pytest.fixture
def job(google) -> str:
    task = {"containers": [{"image": "x", "envs": [{"name": "A", "value": "1"}]}]}
    google.create("gcp:cloudrunv2/job:Job", name="migrate", location=REGION, template={"template": task})
    return f"{HOME}/jobs/migrate"


def run(google: Any, job: str, body: Any = None) -> dict[str, Any]:
    return google.cloud.wait(google.cloud.call("POST", f"{job}:run", body or {}), "run")["response"]


def test_a_job_runs_to_its_end(google, job):
    execution = run(google, job)

    assert (execution["succeededCount"], execution["conditions"][0]["state"]) == (1, "CONDITION_SUCCEEDED")
    assert google.cloud.call("GET", f"{job}/executions")["executions"] == [_without_type(execution)]
    assert google.cloud.call("GET", job)["latestCreatedExecution"]["completionStatus"] == "EXECUTION_SUCCEEDED"


def test_a_job_fails_as_a_fault_says(google, job):
    google.cloud.faults.replace([{"operation": "run:Execution", "name": "migrate", "exit_code": 3, "log": "no column"}])

    with pytest.raises(Exception, match=r"exited with code 3\. Container said: no column"):
        run(google, job)

    assert google.cloud.call("GET", job)["latestCreatedExecution"]["completionStatus"] == "EXECUTION_FAILED"


def test_one_execution_may_have_variables_of_its_own(google, job):
    overrides = {"containerOverrides": [{"args": ["head"], "env": [{"name": "A", "value": "2"}]}]}

    execution = run(google, job, {"overrides": overrides})

    assert execution["template"]["containers"][0]["args"] == ["head"]
    assert execution["template"]["containers"][0]["env"] == [{"name": "A", "value": "2"}]


JOB = "gcp:cloudrunv2/job:Job"
FAILS: dict[str, Any] = {"operation": "run:Execution", "exit_code": 1, "log": "relation exists"}


def with_token(kind: str, token: str) -> dict[str, Any]:
    return {
        "name": "migrate",
        "location": REGION,
        "template": {"template": {"containers": [{"image": "x"}]}},
        kind: token,
    }


def test_a_token_runs_the_job_once(google):
    made = google.create(JOB, **with_token("runExecutionToken", "one"))
    again = google.update(made, {**with_token("runExecutionToken", "one"), "labels": {"a": "b"}})
    other = google.update(again, with_token("runExecutionToken", "two"))

    names = [each.outputs["latestCreatedExecutions"][0]["name"] for each in (made, again, other)]
    assert names == ["migrate-one", "migrate-one", "migrate-two"]


def test_a_job_whose_execution_fails_is_not_ready(google):
    google.cloud.faults.replace([FAILS])

    with pytest.raises(RuntimeError, match=r"Error waiting to create Job: .* relation exists"):
        google.create(JOB, **with_token("runExecutionToken", "one"))
    assert google.cloud.call("GET", f"{HOME}/jobs/migrate")["terminalCondition"]["state"] == "CONDITION_FAILED"


def test_a_job_that_was_only_started_is_ready_whatever_becomes_of_it(google):
    google.cloud.faults.replace([FAILS])

    made = google.create(JOB, **with_token("startExecutionToken", "one"))

    assert made.outputs["latestCreatedExecutions"][0]["completionStatus"] == "EXECUTION_FAILED"
    assert made.outputs["terminalConditions"][0]["state"] == "CONDITION_SUCCEEDED"


def test_the_name_of_an_execution_has_a_limit(google):
    assert google.checked(JOB, with_token("runExecutionToken", "a" * 55), {})
    with pytest.raises(RuntimeError, match="together be shorter than 63"):
        google.checked(JOB, with_token("runExecutionToken", "a" * 56), {})


def _without_type(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "@type"}
