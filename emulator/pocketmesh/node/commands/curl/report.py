"""What curl says around a transfer: -v's lines, the progress meter, -w's values, the meaning of codes."""

from __future__ import annotations

from typing import Any, Final

import pycurl

_MEANINGS: Final = {
    7: "Could not connect to server",
    28: "Timeout was reached",
    35: "SSL connect error",
    52: "Empty reply from server",
    55: "Failed sending data to the peer",
    56: "Failure when receiving data from the peer",
    60: "SSL peer certificate or SSH remote key was not OK",
}
_PREFIXES: Final = {0: b"* ", 1: b"< ", 2: b"> "}
_OWN_TALK: Final = (b"[DNS] added ", b"Hostname ", b"Added ")


def meaning(code: int) -> str:
    """What a libcurl code stands for, when libcurl gave no message of its own."""
    return _MEANINGS.get(code, f"libcurl error {code}")


def trouble(code: int, status: int) -> str:
    """Why a transfer is tried again, in curl's words."""
    return {
        0: f"HTTP error {status}",
        7: "connection refused",
        22: f"HTTP error {status}",
        28: "timeout",
    }.get(code, "(retrying all errors)")


def traced(kind: int, data: bytes, source_ip: str, source_port: int) -> bytes:
    """One call of libcurl's DEBUGFUNCTION as -v prints it; bodies are not shown."""
    prefix = _PREFIXES.get(kind)
    if prefix is None or (kind == 0 and data.startswith(_OWN_TALK)):
        return b""
    if kind == 0:
        data = data.replace(b" from  port 0 ", f" from {source_ip} port {source_port} ".encode())
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return b"".join(prefix + line.rstrip(b"\r") + (b"\n" if kind == 0 else b"\r\n") for line in lines)


def progress(size: int, seconds: float) -> str:
    """The progress meter's head and its last line (src/tool_progress.c)."""
    head = (
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
    )
    speed = int(size / seconds) if seconds else 0
    row = f"{100 if size else 0:3d} {size:5d} {100 if size else 0:3d} {size:5d}    0     0 {speed:6d}      0"
    return f"{head}\r{row} --:--:-- --:--:-- --:--:-- {speed:5d}\n"


def empty(url: str, version: str) -> dict[str, Any]:
    """-w's values before anything has happened."""
    times = ("connect", "appconnect", "namelookup", "pretransfer", "redirect", "starttransfer", "total")
    values: dict[str, Any] = {f"time_{name}": 0.0 for name in times}
    values |= {"size_download": 0.0, "size_upload": 0.0, "speed_download": 0.0, "speed_upload": 0.0}
    values |= dict.fromkeys(
        ("http_code", "response_code", "http_connect", "size_header", "size_request", "num_connects"), 0
    )
    values |= dict.fromkeys(("num_redirects", "num_headers", "exitcode", "ssl_verify_result"), 0)
    values |= dict.fromkeys(
        ("remote_ip", "local_ip", "content_type", "redirect_url", "errormsg", "method"), ""
    )
    values |= {"remote_port": 0, "local_port": 0, "http_version": "0", "scheme": "", "urlnum": 0}
    values |= {
        "url": url,
        "url_effective": url,
        "filename_effective": "",
        "curl_version": f"libcurl/{version}",
    }
    return values


def measured(handle: Any, offset: float, total: float) -> dict[str, Any]:
    """-w's values after a transfer. `offset` is the time that went into connecting before libcurl."""
    info = handle.getinfo
    return {
        "http_code": info(pycurl.RESPONSE_CODE),
        "response_code": info(pycurl.RESPONSE_CODE),
        "content_type": info(pycurl.CONTENT_TYPE) or "",
        "redirect_url": info(pycurl.REDIRECT_URL) or "",
        "url_effective": info(pycurl.EFFECTIVE_URL),
        "method": info(pycurl.EFFECTIVE_METHOD),
        "scheme": (info(pycurl.EFFECTIVE_URL) or "").partition(":")[0],
        "http_version": _version(info(pycurl.INFO_HTTP_VERSION)),
        "num_connects": info(pycurl.NUM_CONNECTS),
        "remote_port": info(pycurl.PRIMARY_PORT),
        "size_header": info(pycurl.HEADER_SIZE),
        "size_request": info(pycurl.REQUEST_SIZE),
        "size_upload": info(pycurl.SIZE_UPLOAD_T),
        "speed_download": info(pycurl.SPEED_DOWNLOAD_T),
        "speed_upload": info(pycurl.SPEED_UPLOAD_T),
        "ssl_verify_result": info(pycurl.SSL_VERIFYRESULT),
        "time_connect": offset,
        "time_appconnect": info(pycurl.APPCONNECT_TIME) and info(pycurl.APPCONNECT_TIME) + offset,
        "time_pretransfer": info(pycurl.PRETRANSFER_TIME) + offset,
        "time_starttransfer": info(pycurl.STARTTRANSFER_TIME) + offset,
        "time_total": total,
    }


def _version(number: int) -> str:
    return {
        pycurl.CURL_HTTP_VERSION_1_0: "1.0",
        pycurl.CURL_HTTP_VERSION_1_1: "1.1",
        pycurl.CURL_HTTP_VERSION_2_0: "2",
    }.get(number, "0")


def version_text(version: str) -> str:
    """`curl --version`."""
    return (
        f"curl {version} (x86_64-pc-linux-musl) libcurl/{version}\n"
        "Protocols: http https\nFeatures: HTTP2 HTTPS-proxy libz SSL\n"
    )
