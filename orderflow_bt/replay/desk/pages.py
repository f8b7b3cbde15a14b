"""The page's files, by the addresses they have: what is not in the list does not exist.

No path is ever built from an address, so there is nothing to traverse. Types are pinned here: the
registry of some systems calls JavaScript plain text, and the page would stay blank.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

PAGE = Path(__file__).parent.parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
START = "/index.html"


class Pages:
    """Serves the files of one folder.

    Args:
        folder: Its files with a known ending are served, and nothing else.
    """

    def __init__(self, folder: Path = PAGE) -> None:
        files = (path for path in folder.rglob("*") if path.suffix in TYPES and path.is_file())
        self._files = {"/" + path.relative_to(folder).as_posix(): path for path in files}

    async def serve(self, request: Request) -> Response:
        """The file at the request's address, or 404."""
        path = request.scope["path"]
        file = self._files.get(START if path == "/" else path)
        if file is None:
            return PlainTextResponse("There is no such page.", status_code=404)
        return Response(file.read_bytes(), media_type=TYPES[file.suffix])
