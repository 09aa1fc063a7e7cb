"""Two packages side by side, a prefix that the proxy strips, and a dependency of the group `prod`."""

import orjson
from core.config import debug, settings
from fastapi import FastAPI

app = FastAPI(root_path="/v0.1", docs_url="/docs" if debug else None)


@app.get("/healthcheck")
def healthcheck() -> dict[str, object]:
    return {"origins": settings.cors_origins, "debug": orjson.loads(orjson.dumps(debug))}
