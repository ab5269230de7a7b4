"""Facts of the IRC protocol that need no connection."""

CHANNEL_PREFIXES = ("#", "&", "+", "!")  # RFC 2812 section 1.3
_CASE_MAPPING = str.maketrans("[]\\~", "{}|^")


def fold_nick(name: str) -> str:
    """Fold the case of a nick or channel name as RFC 1459 section 2.2 does."""
    return name.lower().translate(_CASE_MAPPING)


def is_channel(target: str) -> bool:
    """Return whether the target of a message is a channel."""
    return target.startswith(CHANNEL_PREFIXES)
