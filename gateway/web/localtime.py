"""What time it is where somebody is. It derives from the time zone, so who is not shown that is not told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """*clock* and *day* as people read them, *offset* from UTC; *at* for programs (RFC 3339), to the minute."""

    clock: str
    day: str
    offset: str
    at: str


def there(zone: str, now: datetime) -> LocalTime | None:
    """The time in *zone* (a name of the IANA database) at *now*; None where there is no such zone."""
    try:
        local = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return LocalTime(f"{local:%H:%M}", f"{local:%A}", _offset(local), local.isoformat(timespec="minutes"))


def this_minute(now: datetime) -> datetime:
    """When the minute began in which *now* is."""
    return now.replace(second=0, microsecond=0)


def _offset(local: datetime) -> str:
    minutes = round((local.utcoffset() or timedelta()) / MINUTE)
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"
