"""Long-running operations as Google's APIs tell them: by `done`, or by `status` in Compute and Cloud SQL."""

from pulumi_fastapi.emulator.values import Properties


def pending(operation: Properties) -> Properties:
    """An operation before its end."""
    begun = {key: value for key, value in operation.items() if key not in ("response", "error", "done", "endTime")}
    return {**begun, "status": "RUNNING"} if "status" in operation else {**begun, "done": False}


def is_done(operation: Properties) -> bool:
    return operation.get("status") == "DONE" if "status" in operation else bool(operation.get("done"))
