"""Files found from the working directory, uploads, a WebSocket, another ASGI app below, and a guard before it all."""

import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, UploadFile, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles


async def below(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse(f"below {scope['path']}")(scope, receive, send)


app = FastAPI()
app.mount("/static", StaticFiles(directory="static"))
app.mount("/below", below)


@app.middleware("http")
async def guard(request: Request, call_next: Any) -> Any:
    if request.headers.get("x-from-edge") != "yes":
        return JSONResponse({"detail": "not from the edge"}, 403)
    return await call_next(request)


@app.get("/", response_class=HTMLResponse)
def index() -> str:
    return Path("templates/index.html").read_text()


@app.post("/upload")
async def upload(file: UploadFile) -> dict[str, object]:
    with tempfile.NamedTemporaryFile() as copy:
        size = 0
        while chunk := await file.read(1 << 20):
            size += copy.write(chunk)
        return {"size": size, "directory": str(Path(copy.name).parent)}


@app.websocket("/ws")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()
