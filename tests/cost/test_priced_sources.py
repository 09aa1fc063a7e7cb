"""The same program is priced the same from a plan, a preview file and an exported state."""

import json
from typing import Any

import pytest
from cost_engine import CLOUD_RUN, CONFIG, FUNCTION, SERVICE
from cost_programs import at, expected, resource, urn
from pulumi_fastapi.cost import InputError, estimate, from_file, from_plan
from pulumi_fastapi.cost.resources import HIDDEN, NotKnown, from_preview, from_state
from pulumi_fastapi.plan import plan

SMALL = """
import pulumi_aws as aws
aws.cloudwatch.Dashboard("one", dashboard_name="one", dashboard_body="{\\"widgets\\": []}")
aws.secretsmanager.Secret("two")
"""


def costs(estimated: Any) -> dict[str, tuple[str, ...]]:
    """All lines that cost, by resource and item."""
    return {
        f"{line.resource.urn} {line.item}": tuple(str(round(each, 6)) for each in line.cost)
        for line in estimated.lines
        if line.quantity.high
    }


@pytest.mark.engine
@pytest.mark.parametrize(
    ("program", "lines"), [(SERVICE, 25), (FUNCTION, 25), (CLOUD_RUN, 9)], ids=["Fargate", "Lambda", "Cloud Run"]
)
def test_plan_preview_and_state_of_a_service_cost_the_same(project, monkeypatch, program, lines):
    real = project(program)
    monkeypatch.chdir(real.folder)
    text = lambda: exec(program, {})  # noqa: E731, S102  the text that the engine runs
    planned = [plan(text, project="project", stack="test", config=CONFIG, preview=each) for each in (True, False)]
    before = real.file("before.json", "preview", "--json")
    real.run("up", "--yes", "--skip-preview")
    state = real.file("state.json", "stack", "export")
    after = real.file("after.json", "preview", "--json", "--show-sames")

    regions = {"gcp": CONFIG["gcp:region"]}  # of what is global and names none
    sources = [
        *(from_plan(each, regions) for each in planned),
        *(from_file(f, None, regions) for f in (before, state, after)),
    ]
    estimates = [estimate(each, usage=at(10)) for each in sources]

    first, *others = map(costs, estimates)
    assert len(first) > lines
    for other in others:
        assert other == first
    assert {each.free for each in estimates} == {estimates[0].free}
    assert [each.not_priced for each in estimates] == [()] * 5


@pytest.mark.engine
def test_preview_without_its_unchanged_resources_is_refused(project):
    real = project(SMALL)
    real.run("up", "--yes", "--skip-preview")
    real.write(SMALL + 'aws.secretsmanager.Secret("three")\n')
    short = real.file("short.json", "preview", "--json")
    whole = real.file("whole.json", "preview", "--json", "--show-sames")

    with pytest.raises(InputError, match=r"unchanged resources are left out; run `pulumi preview --json --show-sames`"):
        from_file(short)
    assert expected(estimate(from_file(whole))) == "3.80"


@pytest.mark.engine
def test_preview_that_deletes_counts_what_stays(project):
    real = project(SMALL)
    real.run("up", "--yes", "--skip-preview")
    real.write(SMALL.replace('aws.secretsmanager.Secret("two")', ""))

    whole = real.file("whole.json", "preview", "--json", "--show-sames")

    assert expected(estimate(from_file(whole))) == "3.00"


# Shapes


def state_of(type_: str, name: str = "it", **more: Any) -> dict[str, Any]:
    return {"urn": urn(type_, name), "type": type_, "custom": True, "inputs": {}, **more}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


def step(op: str, *, new: dict[str, Any] | None = None, old: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"op": op, "urn": (new or old or {})["urn"], "newState": new, "oldState": old}


DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"


def test_replacement_counts_once():
    new = state_of(DASHBOARD)
    steps = [step("create-replacement", new=new), step("replace", new=new), step("delete-replaced", old=new)]

    assert len(from_preview({"steps": steps})) == 1


def test_preview_must_show_as_many_unchanged_resources_as_it_counts():
    same = step("same", new=state_of(DASHBOARD))

    assert len(from_preview({"steps": [same], "changeSummary": {"same": 1}})) == 1
    with pytest.raises(InputError, match="2 unchanged resources are left out"):
        from_preview({"steps": [same], "changeSummary": {"same": 3}})


@pytest.mark.parametrize("more", [{"delete": True}, {"external": True}, {"custom": False}])
def test_what_is_not_the_stacks_own_is_left_out_of_a_state(more):
    assert from_state(state(state_of(DASHBOARD, **more))) == []


def test_state_of_an_empty_stack_has_no_resources():
    assert from_state({"version": 3, "deployment": {}}) == []


def test_resource_that_a_program_only_reads_is_left_out():
    import pulumi_aws as aws

    made = plan(lambda: aws.cloudwatch.Dashboard.get("read", "there"))

    assert from_plan(made) == []


@pytest.mark.parametrize(
    ("inputs", "outputs", "provider", "given", "region"),
    [
        ({"region": "eu-west-1"}, {}, {"region": "us-west-2"}, {"aws": "us-east-2"}, "eu-west-1"),
        ({}, {}, {"region": "us-west-2"}, {"aws": "us-east-2"}, "us-west-2"),
        ({}, {"region": "eu-west-2"}, {}, {"aws": "us-east-2"}, "eu-west-2"),
        ({}, {"arn": "arn:aws:cloudwatch:ap-southeast-1:1:x"}, {}, {"aws": "us-east-2"}, "ap-southeast-1"),
        ({}, {"arn": "arn:aws:cloudwatch::1:dashboard/x"}, {}, {"aws": "us-east-2"}, "us-east-2"),
        ({}, {}, {}, {}, ""),
    ],
)
def test_region_is_the_resources_else_the_providers_else_the_given_one(inputs, outputs, provider, given, region):
    provider_urn = urn("pulumi:providers:aws", "default")
    resources = from_state(
        state(
            {"urn": provider_urn, "type": "pulumi:providers:aws", "custom": True, "inputs": provider},
            state_of(DASHBOARD, inputs=inputs, outputs=outputs, provider=f"{provider_urn}::some-id"),
        ),
        given,
    )

    assert [each.region for each in resources] == [region]


@pytest.mark.parametrize(
    ("inputs", "region"), [({"location": "europe-west1"}, "europe-west1"), ({"zone": "us-east4-b"}, "us-east4")]
)
def test_region_of_google_resources_is_their_location_or_zone(inputs, region):
    (only,) = from_state(state(state_of("gcp:cloudrunv2/service:Service", inputs=inputs)))

    assert only.region == region


def test_region_of_a_preview_comes_from_its_configuration():
    document = {"steps": [step("create", new=state_of(DASHBOARD))], "config": {"aws:region": "eu-west-1"}}

    assert from_preview(document)[0].region == "eu-west-1"


def test_resource_without_any_region_is_listed():
    estimated = estimate(from_state(state(state_of(DASHBOARD))))

    assert [each.reason for each in estimated.not_priced] == ["its region is not known; say --region"]
    assert estimated.at_least


@pytest.mark.parametrize(
    "hidden",
    [
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "[secret]",
        {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"},
    ],
)
def test_unknown_and_secret_values_are_hidden(hidden):
    (only,) = from_state(state(state_of(DASHBOARD, inputs={"a": {"b": hidden}})))

    assert only.inputs == {"a": {"b": HIDDEN}}
    with pytest.raises(NotKnown, match=r"a\.b is known only after a deployment"):
        only.get("a.b")


def test_path_through_something_unknown_is_not_known():
    with pytest.raises(NotKnown):
        resource(DASHBOARD, a=HIDDEN).get("a.b", "default")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ("[]", "must be the output of `pulumi preview --json` or `pulumi stack export`, and is something else"),
        ('{"deployment": {"resources": [{"urn": "x"}]}}', "is not shaped as Pulumi writes it"),
        ('{"steps": [1]}', "is not shaped as Pulumi writes it"),
    ],
)
def test_file_that_is_none_of_them_is_refused(tmp_path, text, problem):
    file = tmp_path / "file.json"
    file.write_text(text)

    with pytest.raises(InputError, match=problem):
        from_file(file)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json cannot be read"):
        from_file(tmp_path / "nowhere.json")


def test_state_given_as_a_preview_is_refused(tmp_path):
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state()))

    wanted = "must be the output of `pulumi preview --json`, and is the output of `pulumi stack export`"
    with pytest.raises(InputError, match=wanted):
        from_file(file, "preview")
