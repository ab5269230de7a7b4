"""Texts of the web side that are not in templates: titles and sentences for HTTP status codes."""

_TEXTS = {
    400: ("Bad request", "This request cannot be understood."),
    403: ("Forbidden", "You may not do this."),
    404: ("Not found", "No such person or page."),
    405: ("Not allowed", "This address does not support that method."),
    406: ("No such format", "This is not available in a format that you accept."),
    408: ("Request timeout", "The request was not received in time."),
    412: ("Changed meanwhile", "Somebody else has changed this since you read it."),
    413: ("Too large", "The request is too large."),
    414: ("Address too long", "The address is too long."),
    415: ("Unknown format", "This format is not supported."),
    421: ("Wrong host", "This server is not configured for that host name."),
    422: ("Not possible", "The request is well-formed but cannot be carried out."),
    428: ("Precondition required", "Send If-Match with the version that you change."),
    429: ("Too many requests", "Too many requests from your address."),
    431: ("Header too large", "The request header is too large."),
    500: ("Internal error", "Something went wrong here."),
    503: ("Unavailable", "The directory is unavailable. Try again in a moment."),
}


def title(code: int) -> str:
    return _TEXTS.get(code, _TEXTS[400])[0]


def sentence(code: int) -> str:
    return _TEXTS.get(code, _TEXTS[400])[1]


def too_many_requests(seconds: int) -> str:
    return f"{sentence(429)} Try again in {seconds} second{'' if seconds == 1 else 's'}."


def internal_error(reference: str) -> str:
    return f"{sentence(500)} Please quote this reference to the operator: {reference}."


TOO_MANY_CONNECTIONS = "Too many connections. Try again in a moment."


def sitemap_is_cut(people: int, url: str) -> str:
    return f"The first {people} people. All of them: {url}/users"
