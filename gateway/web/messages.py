"""What the web side says that is not in a template: what went wrong, in one line for each status code."""

_SAID = {
    400: ("Bad request", "This request cannot be understood."),
    403: ("Not for you", "This is not yours to do."),
    404: ("Not found", "There is nobody by that name here, and no such page."),
    405: ("Not allowed", "This address does not take such a request."),
    406: ("No such format", "What you accept is none of what this comes in."),
    408: ("Too slow", "The request did not come in time."),
    412: ("Changed meanwhile", "Somebody has changed this since you read it."),
    413: ("Too large", "The request holds more than is taken here."),
    414: ("Address too long", "The address is longer than is taken here."),
    415: ("Unknown format", "What was sent is in no format that is taken here."),
    421: ("Another place", "No such place is kept here: the address names another host."),
    422: ("Not possible", "What was sent can be read, but cannot be done."),
    428: ("Say what you change", "Say by If-Match which version you change."),
    429: ("Too many questions", "Too many questions from your address."),
    431: ("Head too large", "The head of the request is larger than is taken here."),
    500: ("Internal error", "Something went wrong here."),
    503: ("Not now", "The directory cannot answer just now. Try again in a moment."),
}


def title(code: int) -> str:
    return _SAID.get(code, _SAID[400])[0]


def sentence(code: int) -> str:
    return _SAID.get(code, _SAID[400])[1]


def too_often(seconds: int) -> str:
    return f"{sentence(429)} Try again in {seconds} second{'' if seconds == 1 else 's'}."


def internal(reference: str) -> str:
    return f"{sentence(500)} If you tell the operator, quote reference {reference}."


CROWDED = "Too many connections. Try again in a moment."


def more_people(most: int, url: str) -> str:
    return f"The first {most} people. All of them: {url}/users"
