"""Web addresses in gateway.toml that paths are appended to."""

from urllib.parse import urlsplit


def is_base_url(text: str) -> bool:
    """Return whether paths can be appended to *text*: http or https, a host, no query, no slash at the end."""
    try:
        url = urlsplit(text)
        _ = url.port  # raises for a port that is no number
    except ValueError:
        return False
    web = url.scheme in ("http", "https") and bool(url.hostname)
    return web and not (url.query or url.fragment or text.endswith("/"))


def origin(url: str) -> tuple[str | None, int]:
    """Return the host and the port that *url* leads to."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
