"""How functions answer, and in which state they are: as with our runtime in them and at once, or as a fault says.

The faults strike pseudo-operations and are named `<function>:<version>`: `*:2` is the second version of any function.

- `lambda:Invoke`: any invocation; with a `code` it is refused, with effect `init-failure` or `timeout` it fails;
- `lambda:Request`: an HTTP event; `status` is what the version answers;
- `lambda:Command`: `{"fastapi_runtime": {"run": [...]}}`; `exit_code` and `log` are how the command ends;
- `lambda:State`: each look at a version; effect `pending` or `failed`;
- `lambda:ProvisionedConcurrency`: each look at it (the name ends with its alias or version); the same effects.

Imported only when moto is prepared, as it imports moto itself.
"""

# mypy: disable-error-code="method-assign, attr-defined, no-untyped-call, misc"
import base64
import functools
import inspect
import json
import uuid
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.responses import LambdaResponse

from pulumi_fastapi.emulator.faults import Fault, Faults

Answer = tuple[int, dict[str, str], str]

_LOG_BYTES = 4096  # of the end of a log are told with an answer
_PENDING = {
    "State": "Pending",
    "StateReason": "The function is being created.",
    "StateReasonCode": "Creating",
    "LastUpdateStatus": "InProgress",
}


def answer_by(faults: Faults) -> None:
    """Let functions answer, and be in the state, that the faults in force say."""
    # A second emulator in one process takes over.
    described = inspect.unwrap(LambdaResponse.get_function)
    configured = inspect.unwrap(LambdaResponse.get_function_configuration)
    provisioned = inspect.unwrap(LambdaResponse.get_provisioned_concurrency_config)

    def invoke(self: Any) -> Answer:
        name = unquote(self.path.rsplit("/", 2)[-2])
        function = self.backend.get_function(name, self._get_param("Qualifier"))
        kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            return 204, {}, ""
        result = _invocation(function, json.loads(self.body or "{}"), faults)
        headers = {"X-Amz-Executed-Version": _version(function)}
        if kind == "Event":
            return 202, headers, ""
        if result.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if self.headers.get("X-Amz-Log-Type") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(result.log.encode()[-_LOG_BYTES:]).decode()
        return 200, headers, json.dumps(result.payload)

    @functools.wraps(described)
    def get_function(self: Any) -> str:
        told = json.loads(described(self))
        return json.dumps({**told, "Configuration": _in_state(told["Configuration"], faults)})

    @functools.wraps(configured)
    def get_function_configuration(self: Any) -> str:
        return json.dumps(_in_state(json.loads(configured(self)), faults))

    @functools.wraps(provisioned)
    def get_provisioned_concurrency_config(self: Any) -> Any:
        status, headers, body = provisioned(self)
        told = json.loads(body)
        fault = faults.strike("lambda:ProvisionedConcurrency", told["FunctionArn"].split(":function:")[1])
        if fault is not None and fault.effect in _ALLOCATION:
            told |= {**_ALLOCATION[fault.effect], "AllocatedProvisionedConcurrentExecutions": 0}
            told["AvailableProvisionedConcurrentExecutions"] = 0
            if fault.effect == "failed":
                told["StatusReason"] = fault.log or fault.message
        return status, headers, json.dumps(told)

    LambdaResponse.invoke = invoke
    LambdaResponse.get_function = get_function
    LambdaResponse.get_function_configuration = get_function_configuration
    LambdaResponse.get_provisioned_concurrency_config = get_provisioned_concurrency_config


_ALLOCATION = {"pending": {"Status": "IN_PROGRESS"}, "failed": {"Status": "FAILED"}}


def _version(function: Any) -> str:
    """`function_arn` tells it: $LATEST has a number of its own in moto."""
    parts = function.function_arn.split(":function:")[1].split(":")
    return parts[1] if len(parts) > 1 else "$LATEST"


def _in_state(configuration: dict[str, Any], faults: Faults) -> dict[str, Any]:
    fault = faults.strike("lambda:State", f"{configuration['FunctionName']}:{configuration['Version']}")
    if fault is not None and fault.effect == "pending":
        return {**configuration, **_PENDING}
    if fault is not None and fault.effect == "failed":
        reason = fault.log or fault.message
        code = fault.code or "InvalidImage"
        state = {"State": "Failed", "StateReason": reason, "StateReasonCode": code}
        update = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": reason, "LastUpdateStatusReasonCode": code}
        return {**configuration, **state, **update}
    return configuration


class _Result:
    """Of one invocation: what it returns, whether that is an error, and its log."""

    def __init__(self, payload: Any, *, failed: bool = False, log: str = "") -> None:
        self.payload = payload
        self.failed = failed
        self.log = log


def _invocation(function: Any, event: Any, faults: Faults) -> _Result:
    name = f"{function.function_name}:{_version(function)}"
    fault = faults.strike("lambda:Invoke", name)
    if fault is not None and fault.code is not None:
        refused = LambdaClientError(fault.code, fault.message)
        refused.code = fault.status
        raise refused
    if fault is not None and fault.effect == "init-failure":
        return _error("Runtime.ExitError", "Error: Runtime exited with error: exit status 1", fault)
    if fault is not None and fault.effect == "timeout":
        return _timed_out(function, fault)
    if isinstance(event, dict) and "fastapi_runtime" in event:
        return _command(function, faults.strike("lambda:Command", name))
    if isinstance(event, dict) and "requestContext" in event:
        return _request(faults.strike("lambda:Request", name))
    told = sorted(event) if isinstance(event, dict) else type(event).__name__
    return _error("ValueError", f"this function answers HTTP requests; got an event with {told}")


def _request(fault: Fault | None) -> _Result:
    """What `/-/ready` answers: the routes of the app itself are not known here."""
    body: dict[str, Any] = {"status": "ready"}
    if fault is not None:
        body = {"status": "not ready", "reasons": {"app": fault.log or fault.message}}
    answer = {
        "statusCode": fault.status if fault is not None else 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    return _Result(answer, log=fault.log or "" if fault is not None else "")


def _command(function: Any, fault: Fault | None) -> _Result:
    if fault is None:
        return _Result({"exitCode": 0, "output": ""})
    if fault.effect == "timeout":
        return _timed_out(function, fault)
    log = fault.log or ""
    return _Result({"exitCode": fault.exit_code, "output": log}, log=log)


def _timed_out(function: Any, fault: Fault) -> _Result:
    return _error("Sandbox.Timedout", f"Error: Task timed out after {function.timeout:.2f} seconds", fault)


def _error(kind: str, message: str, fault: Fault | None = None) -> _Result:
    text = f"RequestId: {uuid.uuid4()} {message}" if message.startswith("Error: ") else message
    log = fault.log if fault is not None and fault.log else text
    return _Result({"errorType": kind, "errorMessage": text}, failed=True, log=log)
