"""`/`: what a person sees who opens the exporter's address. Loads nothing from elsewhere."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from string import Template

from taximeter_exporter.web.http import Response

_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "live.css").read_text(encoding="utf-8")
_SCRIPT = (_FOLDER / "live.js").read_text(encoding="utf-8")


def _page() -> Response:
    template = Template((_FOLDER / "live.html").read_text(encoding="utf-8"))
    policy = {
        "default-src": "'none'",
        "style-src": _hash(_STYLE),
        "script-src": _hash(_SCRIPT),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-cache",
    }
    body = template.substitute(style=_STYLE, script=_SCRIPT).encode()
    return Response(content_type="text/html; charset=utf-8", body=body, headers=headers)


def _hash(text: str) -> str:
    """A source expression of Content Security Policy, level 3."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


PAGE = _page()
"""The same for everyone; the figures come by `/api/v1/overview`."""
