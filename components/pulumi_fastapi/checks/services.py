"""Rules for ECS services."""

from collections.abc import Iterator

from ..planned import Resource
from . import Facts, Problem, enabled, get, rule

SERVICE = "aws:ecs/service:Service"
SCALABLE = "aws:appautoscaling/target:Target"


def _ecs_deploys(service: Resource) -> bool:
    return bool(get(service, "deploymentController", "type", default="ECS") == "ECS")


def _scaled(service: Resource, facts: Facts) -> bool:
    return any(
        get(each, "serviceNamespace") == "ecs" and facts.refers(each, "resourceId", service)
        for each in facts.all(SCALABLE)
    )


@rule(SERVICE, severity="warning")
def deployment_without_rollback(service: Resource, _: Facts) -> Iterator[Problem]:
    """Without it ECS starts failing tasks again and again for hours, and the old version never comes back."""
    breaker = enabled(service, "deploymentCircuitBreaker", "enable") and enabled(
        service, "deploymentCircuitBreaker", "rollback"
    )
    alarms = enabled(service, "alarms", "enable") and enabled(service, "alarms", "rollback")
    if _ecs_deploys(service) and not breaker and not alarms:
        yield Problem(
            "does not roll back a deployment that fails",
            "set deploymentCircuitBreaker to {enable: true, rollback: true}",
        )


@rule(SERVICE, severity="warning")
def deployment_reduces_capacity(service: Resource, _: Facts) -> Iterator[Problem]:
    """Below 100 % a deployment stops running tasks before new ones are healthy."""
    percent = int(get(service, "deploymentMinimumHealthyPercent", default=100))
    if percent < 100:
        yield Problem(
            f"may drop to {percent} % of its tasks during a deployment",
            "set deploymentMinimumHealthyPercent to 100 and deploymentMaximumPercent to 200",
        )


@rule(SERVICE, severity="warning")
def deployment_not_waited_for(service: Resource, _: Facts) -> Iterator[Problem]:
    """`pulumi up` reports success as soon as ECS accepts the change, whether or not a task ever starts."""
    if not enabled(service, "waitForSteadyState"):
        yield Problem("is reported as deployed before a single new task runs", "set waitForSteadyState to true")


@rule(SERVICE, severity="warning")
def no_start_up_grace(service: Resource, _: Facts) -> Iterator[Problem]:
    """With no grace the load balancer's first failed checks kill tasks that are still starting, again and again."""
    if get(service, "loadBalancers") and int(get(service, "healthCheckGracePeriodSeconds", default=0)) == 0:
        yield Problem(
            "gives tasks no time to start before failed health checks stop them",
            "set healthCheckGracePeriodSeconds to the longest start of the app or more",
        )


@rule(SERVICE, severity="warning")
def desired_count_fights_autoscaling(service: Resource, facts: Facts) -> Iterator[Problem]:
    """Every `pulumi up` sets the number of tasks back, in the middle of a peak if need be."""
    if (
        get(service, "desiredCount") is not None
        and _scaled(service, facts)
        and "desiredCount" not in service.options.ignore_changes
    ):
        yield Problem(
            f"autoscaling sets its number of tasks and every update sets it back to {get(service, 'desiredCount')}",
            'add ignore_changes=["desired_count"] to the options of the service',
        )


@rule(SERVICE, severity="warning")
def desired_count_ignored_without_autoscaling(service: Resource, facts: Facts) -> Iterator[Problem]:
    """A changed number of tasks is silently not applied when it is ignored and nothing else sets it."""
    if "desiredCount" in service.options.ignore_changes and not _scaled(service, facts):
        yield Problem(
            "ignores changes of its number of tasks although nothing scales it",
            "add a scalable target, or remove desired_count from ignore_changes",
        )


@rule(SERVICE, severity="error")
def no_tasks_wanted(service: Resource, facts: Facts) -> Iterator[Problem]:
    """The provider's default number of tasks is 0: the deployment succeeds and nothing runs."""
    daemon = get(service, "schedulingStrategy", default="REPLICA") == "DAEMON"
    if not daemon and get(service, "desiredCount") is None and not _scaled(service, facts):
        yield Problem("asks for no tasks: desiredCount is not set and its default is 0", "set desiredCount")
