"""The local time of a person. It reveals the time zone, so it is shown only with that field."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A local time: *clock*, *day* and *offset* from UTC for people, *iso* for programs (RFC 3339), to the minute."""

    clock: str
    day: str
    offset: str
    iso: str


def local_time(zone: str, now: datetime) -> LocalTime | None:
    """Return the time in *zone*, a name of the IANA database, at *now*; None for an unknown zone."""
    try:
        local = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return LocalTime(f"{local:%H:%M}", f"{local:%A}", _offset(local), local.isoformat(timespec="minutes"))


def start_of_minute(now: datetime) -> datetime:
    """Return the start of the minute of *now*."""
    return now.replace(second=0, microsecond=0)


def _offset(local: datetime) -> str:
    minutes = round((local.utcoffset() or timedelta()) / MINUTE)
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"
