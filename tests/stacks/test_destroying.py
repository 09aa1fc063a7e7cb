"""What `pulumi destroy` does to a stack, and what has to be done first to one that is protected."""

from planned_stacks import PlanStack
from pulumi_fastapi.plan import Plan

DATABASE = "aws:rds/instance:Instance"
PROTECTED = (DATABASE, "aws:lb/loadBalancer:LoadBalancer", "aws:ecr/repository:Repository")


def test_dev_is_destroyed_in_one_step_and_leaves_nothing(plan_stack: PlanStack) -> None:
    plan = plan_stack("dev")
    assert obstacles(plan) == []
    assert plan.find(DATABASE).inputs["skipFinalSnapshot"] is True


def test_prod_refuses_to_be_destroyed(plan_stack: PlanStack) -> None:
    plan = plan_stack("prod")
    assert {obstacle.split()[0] for obstacle in obstacles(plan)} == {*PROTECTED, "aws:s3/bucket:Bucket"}


def test_one_switch_prepares_prod_for_being_destroyed(plan_stack: PlanStack) -> None:
    assert obstacles(plan_stack("prod", {"deletion_protection": False})) == []


def test_destroyed_prod_leaves_a_snapshot(plan_stack: PlanStack) -> None:
    """By then the protection is off, so the snapshot must not hang on it."""
    database = plan_stack("prod", {"deletion_protection": False}).find(DATABASE)
    assert database.inputs["skipFinalSnapshot"] is False


def test_final_snapshot_has_a_name_that_the_next_stack_does_not_take(plan_stack: PlanStack) -> None:
    """It is made of a name with random digits; a fixed one fails when the stack is destroyed for the second time."""
    database = plan_stack("prod").find(DATABASE)
    (source,) = database.property_dependencies["finalSnapshotIdentifier"]
    assert source.type == "aws:rds/subnetGroup:SubnetGroup"
    assert "name" not in source.inputs


def obstacles(plan: Plan) -> list[str]:
    """What would make a `pulumi destroy` fail: protection by Pulumi, by AWS, and things that still hold something."""
    inputs = {"deletionProtection": True, "enableDeletionProtection": True, "forceDelete": False, "forceDestroy": False}
    found = []
    for resource in (each for each in plan.resources if each.custom):
        found += [f"{resource.type} protect"] if resource.options.protect else []
        found += [f"{resource.type} {key}" for key, value in inputs.items() if resource.inputs.get(key) is value]
    return found
