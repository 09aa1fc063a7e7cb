"""A FastAPI app on AWS Fargate, AWS Lambda or Google Cloud Run, as `Pulumi.<stack>.yaml` says."""

import pulumi
from config import load

for output, value in load().create().items():
    pulumi.export(output, value)
