"""What pages people about a database."""

from typing import Any, Optional

import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from ..sizing import GIB, instance_memory
from .alarms import AlarmGroup, metric


class DatabaseAlarms(AlarmGroup):
    """Alarms of an RDS instance: CPU, memory, storage and connections. Each is billed by the month."""

    def __init__(
        self,
        name: str,
        instance: aws.rds.Instance,
        instance_class: str,
        storage_gb: int,
        available: int,
        topic_arn: Input[str],
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        super().__init__(name, topic_arn, opts)
        dimensions = {"DBInstanceIdentifier": instance.identifier}

        def average(metric_name: str) -> dict[str, Any]:
            return metric("AWS/RDS", dimensions, metric_name, "Average")

        connections = available * 80 // 100
        self.alarm(
            "db-connections",
            f"More than {connections} database connections, 80 % of the budget. Look for a service scaled beyond"
            " its limits or a client that is not in the budget; use a larger class, smaller pools or a proxy"
            " before new connections fail.",
            periods=3,
            datapoints=3,
            comparison_operator="GreaterThanThreshold",
            threshold=connections,
            **average("DatabaseConnections"),
        )
        self.alarm(
            "db-cpu",
            "Database CPU above 80 % for 15 minutes. Find the statement at the top of Performance Insights; a"
            " burstable class may be out of CPU credits.",
            periods=15,
            datapoints=15,
            comparison_operator="GreaterThanThreshold",
            threshold=80,
            **average("CPUUtilization"),
        )
        self.alarm(
            "db-memory",
            "Less than 5 % of the database's memory is free. Use a larger class, or fewer connections: each takes"
            " memory.",
            periods=15,
            datapoints=15,
            comparison_operator="LessThanThreshold",
            threshold=instance_memory(instance_class) // 20,
            **average("FreeableMemory"),
        )
        self.alarm(
            "db-storage",
            "Less free database storage than 5 % of what it began with, so it has not grown: max_storage_gb is"
            " reached, or the last growth is less than six hours ago. Raise max_storage_gb.",
            periods=3,
            datapoints=3,
            comparison_operator="LessThanThreshold",
            threshold=storage_gb * GIB // 20,
            **average("FreeStorageSpace"),
        )
        self.publish()
