"""A FastAPI service on AWS Fargate, as `Pulumi.<stack>.yaml` says."""

from dataclasses import replace

import pulumi
from config import StackConfig
from pulumi_fastapi import FargateFastAPIService
from pulumi_fastapi.aws import AlarmTopic, Budget, Database, Network

config = StackConfig.load()
name = config.name

topic = AlarmTopic(name, config.alarm_emails)
network = Network(name, config.network)
database = None
if config.database is not None:
    database = Database(name, replace(config.database, network=network, alarm_topic_arn=topic.arn))
service = FargateFastAPIService(
    name, replace(config.service, network=network, database=database, alarm_topic_arn=topic.arn)
)
if config.monthly_budget is not None:
    Budget(name, config.monthly_budget, config.alarm_emails)

for output in ("url", "image", "cluster_name", "service_name", "log_group_name"):
    pulumi.export(output, getattr(service, output))
if database is not None:
    for output in ("database_endpoint", "database_secret_arn", "connection_budget"):
        pulumi.export(output, getattr(service, output))
