import json

import pulumi
from pulumi import Output
from pulumi_fastapi.aws import policies
from pulumi_fastapi.plan import plan


def test_statements_and_lists_of_statements_become_one_document() -> None:
    def program() -> None:
        pulumi.export(
            "policy",
            policies.document(
                policies.allow(["s3:GetObject"], Output.from_input("arn:1")),
                Output.from_input([policies.allow(["s3:PutObject"], ["arn:2", "arn:3"])]),
                [],
            ),
        )

    assert json.loads(plan(program).outputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:1"},
            {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:2", "arn:3"]},
        ],
    }


def test_a_trust_policy_names_one_service() -> None:
    result = plan(lambda: pulumi.export("policy", policies.trust("ecs-tasks.amazonaws.com")))
    (statement,) = json.loads(result.outputs["policy"])["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
