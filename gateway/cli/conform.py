"""finger-gateway conform: the conformance suite for finger servers."""

import sys
from collections.abc import Sequence

import click

from ..conform import report
from ..conform.messages import not_reached
from ..conform.runner import CHECKS, LEVELS, Check, run_checks
from ..conform.session import Result, ServerUnreachable, Target
from .common import CommandFailed, utf8
from .finger_address import BadAddress, parse_target

_LEVELS_UP_TO = {level.lower(): LEVELS[: number + 1] for number, level in enumerate(LEVELS)}


def _select_checks(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[Check]:
    """Return the checks of --only, all of them without it."""
    if value is None:
        return list(CHECKS.values())
    names = [name.strip().upper() for name in value.split(",") if name.strip()]
    if unknown := [name for name in names if name not in CHECKS]:
        raise click.BadParameter(f"unknown check {', '.join(unknown)}; use ids from F001 to F122, separated by commas")
    return [CHECKS[name] for name in dict.fromkeys(names)]


@click.command()
@click.argument("host", required=False, type=utf8, metavar="HOST[:PORT]")
@click.option(
    "--login", "logins", multiple=True, type=utf8, metavar="NAME", help="A user who exists there; repeatable."
)
@click.option("--name", default="", type=utf8, metavar="TEXT", help="Full name of the first login.")
@click.option(
    "--host-name", "names", multiple=True, type=utf8, metavar="NAME", help="Host name of the server (HOST); repeatable."
)
@click.option("--aggressive", is_flag=True, help="Also test floods, many connections, long lines.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=15.0,
    metavar="SECONDS",
    help="How long to wait for the server's time-outs (15); 0 skips these checks.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=5.0, metavar="SECONDS", help="Time limit of each answer (5)."
)
@click.option(
    "--level",
    type=click.Choice(list(_LEVELS_UP_TO)),
    default="practice",
    metavar="LEVEL",
    help="Lowest level to check: must, should (includes must) or practice (everything).",
)
@click.option("--only", "checks", callback=_select_checks, metavar="IDS", help="Run only these, e.g. F022,F054.")
@click.option("--seed", type=int, default=1288, metavar="NUMBER", help="Seed of random names and lines (1288).")
@click.option("--json", "machine", is_flag=True, help="Print JSON instead of a table.")
@click.option("--list", "listed", is_flag=True, help="List the checks without running them.")
def conform(
    host: str | None, logins: tuple[str, ...], name: str, names: tuple[str, ...], aggressive: bool, wait: float, timeout: float,
    level: str, checks: Sequence[Check], seed: int, machine: bool, listed: bool,
) -> int:  # fmt: skip
    """Check a finger server against RFC 1288 and good practice.

    Sends one query at a time, and waits if the server says that there are too many. Without --login, it uses a login
    from the server's list.

    \b
    Example:
      finger-gateway conform localhost:1079 --login alice --host-name dir.test

    \b
    Exit status: 0 no check failed; 1 a MUST check failed; 3 only other checks
    failed; 2 usage error; 69 no connection to the server.
    """
    chosen = [check for check in checks if check.level in _LEVELS_UP_TO[level]]
    if listed:
        click.echo(report.format_list(chosen), nl=False)
        return 0
    if host is None:
        raise click.UsageError("no server given; write HOST or HOST:PORT, e.g. localhost:1079")
    where, port = _parse_host(host)
    target = Target(where, port, logins, name, names, aggressive, wait, timeout, seed)
    results = _run_checks(target, chosen)
    click.echo(report.format_json(results, where, port) if machine else report.format_table(results, host), nl=False)
    return report.exit_status(results)


def _parse_host(host: str) -> tuple[str, int]:
    try:
        parsed = parse_target(f"@{host}", False)
    except BadAddress as bad:
        raise click.UsageError(str(bad)) from None
    if parsed.line or not parsed.host:
        raise click.UsageError(f"found {host!r}; must be HOST or HOST:PORT, e.g. localhost:1079")
    return parsed.host, parsed.port


def _run_checks(target: Target, chosen: Sequence[Check]) -> list[Result]:
    def progress(check: Check) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{check.id} ", nl=False, err=True)

    try:
        return run_checks(target, chosen, progress)
    except ServerUnreachable as error:
        raise CommandFailed(not_reached(target.host, target.port, str(error)), 69) from None
    finally:
        if sys.stderr.isatty():
            click.echo("\r     \r", nl=False, err=True)
