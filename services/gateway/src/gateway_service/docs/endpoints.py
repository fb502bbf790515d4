"""`/docs`, `/openapi.json` and the files of Swagger UI."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Messenger API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/files/favicon.png"><link rel="stylesheet" href="/docs/files/swagger-ui.css"></head>
<body><main id="api"></main>
<script src="/docs/files/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#api", deepLinking: true, persistAuthorization: true, tryItOutEnabled: true,
  displayRequestDuration: true, filter: true,
});
"""

router = APIRouter(include_in_schema=False)
static_files = StaticFiles(directory=str(files("fastapi_offline") / "static"))


@router.get("/docs")
async def page() -> HTMLResponse:
    """Show the documentation."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    """Start Swagger UI: a file of its own, so that no inline script needs to be allowed."""
    return Response(_START, media_type="text/javascript")


@router.get("/openapi.json")
async def document(request: Request) -> FileResponse:
    """Give the merged OpenAPI document."""
    return FileResponse(request.state.openapi_file, media_type="application/json")
