"""The documents that httpbin hands out; the contents are our own."""

from __future__ import annotations

import base64
from typing import Final

INDEX: Final = (
    b"<!DOCTYPE html>\n<title>httpbin</title>\n<h1>httpbin</h1>\n<p>Try /get, /headers or /status/418.</p>\n"
)
HTML: Final = b"<!DOCTYPE html>\n<html>\n<body>\n<h1>A page</h1>\n<p>It says little.</p>\n</body>\n</html>\n"
JSON: Final = b"""{
  "slideshow": {
    "author": "Yours Truly",
    "date": "date of publication",
    "slides": [
      {"title": "First", "type": "all"},
      {"items": ["one", "two"], "title": "Second", "type": "all"}
    ],
    "title": "Sample Slide Show"
  }
}
"""
XML: Final = (
    b"<?xml version='1.0' encoding='us-ascii'?>\n<slideshow title=\"Sample Slide Show\">\n"
    b'  <slide type="all"><title>First</title></slide>\n</slideshow>\n'
)
_SVG: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><circle cx="4" cy="4" r="4"/></svg>\n'
)
_PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
PICTURES: Final = {"png": ("image/png", _PNG), "svg": ("image/svg+xml", _SVG)}
"""Media type and content by what the path calls them."""
