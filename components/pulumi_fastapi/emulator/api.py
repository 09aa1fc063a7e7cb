"""Calls to the emulated AWS, with AWS's own error texts."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pulumi_fastapi.emulator.faults import Fault, Faults
from pulumi_fastapi.emulator.mapping import Problem, Request, validate
from pulumi_fastapi.emulator.values import Properties

ACCOUNT_ID = "123456789012"

# What the service's own validation answers with when a value breaks the API model.
MODEL_ERROR_CODES: Mapping[str, str] = {
    "acm": "ValidationException",
    "apigatewayv2": "BadRequestException",
    "application-autoscaling": "ValidationException",
    "budgets": "InvalidParameterException",
    "cloudfront": "InvalidArgument",
    "cloudwatch": "ValidationError",
    "codedeploy": "InvalidParameterException",
    "ec2": "InvalidParameterValue",
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "elbv2": "ValidationError",
    "iam": "ValidationError",
    "kms": "ValidationException",
    "lambda": "ValidationException",
    "logs": "InvalidParameterException",
    "rds": "InvalidParameterValue",
    "route53": "InvalidInput",
    "s3": "InvalidArgument",
    "scheduler": "ValidationException",
    "secretsmanager": "InvalidParameterException",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "wafv2": "WAFInvalidParameterException",
}

_NOT_FOUND_CODE = re.compile(
    r"NotFound|NoSuch|DoesNotExist|[Nn]on[Ee]xistent|InvalidTarget$|^404$|\.Missing$|GatewayNotAttached"
)
_NOT_FOUND_MESSAGE = re.compile(
    r"Unable to describe task definition|No scalable target found|not found|does not exist", re.IGNORECASE
)
# Codes that say "not found" only in the text.
_AMBIGUOUS_CODES = frozenset(
    {"ClientException", "InvalidChangeBatch", "InvalidInput", "InvalidParameterException", "ValidationException"}
)


class ApiError(Exception):
    """An error AWS would answer with."""

    def __init__(self, service: str, operation: str, code: str, message: str, status: int = 400) -> None:
        super().__init__(
            f"operation error {SERVICE_NAMES.get(service, service)}: {operation}, "
            f"https response error StatusCode: {status}, api error {code}: {_one_line(message)}"
        )
        self.code = code
        self.api_message = message

    @property
    def not_found(self) -> bool:
        if _NOT_FOUND_CODE.search(self.code):
            return True
        return self.code in _AMBIGUOUS_CODES and bool(_NOT_FOUND_MESSAGE.search(self.api_message))


class WaitError(ApiError):
    """A waiter of the provider gave up: no single call failed."""

    def __init__(self, message: str) -> None:
        super().__init__("", "", "WaiterFailed", message)
        self.args = (message,)


class NotEmulated(Exception):
    """The emulator cannot do what was asked; never an answer AWS would give."""


def _one_line(text: str) -> str:
    return " ".join(text.split())


# As the AWS SDK for Go, which the real provider uses, spells them in its errors.
SERVICE_NAMES: Mapping[str, str] = {
    "acm": "ACM",
    "apigatewayv2": "ApiGatewayV2",
    "application-autoscaling": "Application Auto Scaling",
    "budgets": "Budgets",
    "cloudfront": "CloudFront",
    "cloudwatch": "CloudWatch",
    "codedeploy": "CodeDeploy",
    "ec2": "EC2",
    "ecr": "ECR",
    "ecs": "ECS",
    "elbv2": "Elastic Load Balancing v2",
    "iam": "IAM",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "rds": "RDS",
    "route53": "Route 53",
    "s3": "S3",
    "scheduler": "Scheduler",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "sts": "STS",
    "wafv2": "WAFV2",
}

Precondition = Callable[["Api", str, Properties], None]


class Api:
    """One emulated account: every call of the provider passes through here."""

    def __init__(self, endpoint: str, faults: Faults, preconditions: Mapping[str, Precondition]) -> None:
        self.endpoint = endpoint
        self.faults = faults
        self.calls: list[str] = []
        self._preconditions = preconditions
        self._clients: dict[tuple[str, str], Any] = {}
        self._client_lock = threading.Lock()
        self._call_lock = threading.RLock()
        self._session: Any = None

    def operation_model(self, service: str, operation: str) -> Any:
        return self._client(service, "us-east-1").meta.service_model.operation_model(operation)

    def input_shape(self, service: str, operation: str) -> Any:
        return self.operation_model(service, operation).input_shape

    def call(self, service: str, operation: str, params: Properties, region: str, name: str = "") -> Properties:
        """Make one call for the resource of that logical name."""
        self.strike(service, operation, name)
        request = Request(params=params)
        self._refuse(service, operation, validate(self.input_shape(service, operation), request))
        # One at a time: moto's stores are plain dictionaries, and a precondition must still hold when the call is made.
        with self._call_lock:
            precondition = self._preconditions.get(f"{service}:{operation}")
            if precondition is not None:
                precondition(self, region, params)
            self.calls.append(f"{service}:{operation}")
            return self._send(service, operation, params, region)

    def look_up(self, service: str, operation: str, params: Properties, region: str) -> Properties:
        """A read made by the emulator itself: never faulted, never counted."""
        with self._call_lock:
            return self._send(service, operation, params, region)

    def strike(self, service: str, operation: str, name: str) -> Fault | None:
        """Let the injected faults hit: raise the error, or return the fault for its effect."""
        fault = self.faults.strike(f"{service}:{operation}", name)
        if fault is not None and fault.code is not None:
            raise ApiError(service, operation, fault.code, fault.message, fault.status)
        return fault

    def _refuse(self, service: str, operation: str, problems: list[Problem]) -> None:
        if problems:
            text = "; ".join(f"{problem.path}: {problem.message}" for problem in problems)
            raise ApiError(service, operation, MODEL_ERROR_CODES.get(service, "ValidationException"), text)

    def _send(self, service: str, operation: str, params: Properties, region: str) -> Properties:
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        client = self._client(service, region)
        try:
            answer: Properties = getattr(client, xform_name(operation))(**params)
        except ClientError as error:
            raise _translate(service, operation, error.response) from None
        except ResponseParserError:
            # moto answers HTML for what it does not implement, and for its own crashes.
            raise NotEmulated(f"{service}:{operation} is not emulated") from None
        except BotoCoreError as error:
            raise NotEmulated(f"{service}:{operation} failed in the emulator: {_one_line(str(error))}") from error
        answer.pop("ResponseMetadata", None)
        return answer

    def regions(self) -> list[str]:
        """Where calls have been made."""
        with self._client_lock:
            return sorted({region for _service, region in self._clients})

    def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        with self._client_lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(service, region)
            return self._clients[key]

    def _new_client(self, service: str, region: str) -> Any:
        # boto3 takes 0.2 s to import: only once a program really creates something.
        import boto3
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test")  # noqa: S106
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32, parameter_validation=False)
        return self._session.client(service, region_name=region, endpoint_url=self.endpoint, config=config)


def _translate(service: str, operation: str, response: Mapping[str, Any]) -> Exception:
    error = response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in ("500", "501") or "<!doctype" in message.lower() or (code == "404" and service not in ("s3",)):
        return NotEmulated(f"{service}:{operation} is not emulated")
    return ApiError(service, operation, code, message, status)
