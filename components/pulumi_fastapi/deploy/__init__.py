"""Releases in steps: the command `pulumi-fastapi deploy` and what it is made of."""
