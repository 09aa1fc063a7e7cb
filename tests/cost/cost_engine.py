"""Projects that the real Pulumi CLI runs against the emulated clouds."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from pulumi_fastapi.emulated_cloud import GOOGLE_PROJECT, GOOGLE_REGION, REGION

CONFIG = {"aws:region": REGION, "gcp:project": GOOGLE_PROJECT, "gcp:region": GOOGLE_REGION}

SERVICE = """
import pulumi
from pulumi_fastapi import FargateFastAPIService, FargateFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.aws import Database, DatabaseArgs, Network, NetworkArgs

network = Network("shop", NetworkArgs(outbound="NAT"))
database = Database("shop", DatabaseArgs(network=network, multi_az=True, proxy=True, deletion_protection=False))
FargateFastAPIService("shop", FargateFastAPIServiceArgs(
    network=network, database=database, tasks_min=2, tasks_max=4, spot_percent=50, deletion_protection=False,
    app=FastAPIApp(secrets={"API_KEY": pulumi.Output.secret("0123456789")}),
))
"""

FUNCTION = """
import pulumi
from pulumi_fastapi import FastAPIApp, LambdaFastAPIFunction, LambdaFastAPIFunctionArgs
from pulumi_fastapi.aws import Database, DatabaseArgs, Network, NetworkArgs

network = Network("shop", NetworkArgs(outbound="ENDPOINTS"))
database = Database("shop", DatabaseArgs(network=network, deletion_protection=False))
LambdaFastAPIFunction("shop", LambdaFastAPIFunctionArgs(
    network=network, database=database, entry="HTTP_API", provisioned_concurrency=1, provisioned_concurrency_max=3,
    tracing=True, deletion_protection=False, app=FastAPIApp(secrets={"API_KEY": pulumi.Output.secret("0123456789")}),
))
"""

CLOUD_RUN = """
import pulumi
from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs, FastAPIApp
from pulumi_fastapi.gcp import CloudSqlDatabase, CloudSqlDatabaseArgs, VpcNetwork

network = VpcNetwork("shop")
database = CloudSqlDatabase("shop", CloudSqlDatabaseArgs(
    network=network, tier="db-custom-2-7680", high_availability=True, deletion_protection=False,
))
CloudRunFastAPIService("shop", CloudRunFastAPIServiceArgs(
    network=network, database=database, instances_min=1, instances_max=4, cpu=2, memory=1024, deletion_protection=False,
    app=FastAPIApp(secrets={"API_KEY": pulumi.Output.secret("0123456789")}),
))
"""


@dataclass
class Project:
    """A project that the real CLI runs against the emulated clouds."""

    folder: Path
    cli: str
    environment: dict[str, str]

    def write(self, program: str) -> None:
        (self.folder / "__main__.py").write_text(program)

    def run(self, *arguments: str) -> str:
        result = subprocess.run(
            [self.cli, *arguments, "--stack", "test", "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def file(self, name: str, *arguments: str) -> Path:
        path = self.folder / name
        path.write_text(self.run(*arguments))
        return path
