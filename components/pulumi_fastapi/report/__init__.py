"""`pulumi-fastapi report`: a stack as one page."""
