"""Serves one ASGI app in a container. Start it with `python -m fastapi_runtime`; the environment configures it."""
