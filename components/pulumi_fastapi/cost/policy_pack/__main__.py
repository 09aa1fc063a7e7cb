"""What `pulumi preview --policy-pack` runs."""

from pulumi_fastapi.cost.policies import pack

pack()
