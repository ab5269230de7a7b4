"""Check that the tests notice when a protection is removed: mutants of the code, and the tests that kill them.

    python -m tests.mutants                  try all mutants; needs a few minutes
    python -m tests.mutants --list           list their names, files and tests
    python -m tests.mutants --only NAME...   try only these

Each mutant removes one rule that must never break: a visibility check, a limit, a deadline, a header. The tool copies the
source tree to a temporary directory, runs the chosen tests there once without a change, then applies one mutant at a time
and runs its tests until the first failure. A mutant is killed when a test fails. A mutant that survives shows that no test
depends on the rule. The exit status is 0 when all mutants are killed, and 1 otherwise.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
TEST_TIMEOUT = 300.0  # seconds for the tests of one mutant; a mutant that makes them hang is not counted as killed
BASELINE_TIMEOUT = 1200.0  # seconds for all chosen tests without a change
TESTS_FAILED = 1  # the exit status of pytest; higher ones mean that the tests could not run
_FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\s:]+::\w+(?:::\w+)*(?:\[.*?\])?)(?: - .*)?$", re.M)


@dataclass(frozen=True)
class Mutant:
    """One change of the code. *old* occurs exactly once in *file*; *tests* are files or node ids, separated by blanks."""

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def targets(self) -> list[str]:
        return self.tests.split()

    def apply(self, tree: Path) -> str:
        """Change the file below *tree* and return its original text. Raise ValueError if *old* is not there exactly once."""
        path = tree / self.file
        text = path.read_text() if path.is_file() else ""
        if text.count(self.old) != 1:
            raise ValueError(f"the old text occurs {text.count(self.old)} times in {self.file}, not once")
        path.write_text(text.replace(self.old, self.new))
        return text


MUTANTS = (
    # who may see what
    Mutant(
        "person-always-exists",
        "gateway/directory/privacy.py",
        'return audience.rank >= policy.level(person, "name")',
        "return True",
        "tests/unit/directory/test_privacy.py",
    ),
    Mutant(
        "field-shown-without-its-person",
        "gateway/directory/privacy.py",
        "return exists(person, audience, policy) and _may_see(audience.rank, person, field, policy)",
        "return _may_see(audience.rank, person, field, policy)",
        "tests/unit/directory/test_privacy.py tests/unit/directory/test_explanation.py",
    ),
    Mutant(
        "limit-of-the-operator-ignored",
        "gateway/directory/privacy.py",
        "return max(self.limit[field], self.default[field] if decides is None else person.visibility[decides])",
        "return self.default[field] if decides is None else person.visibility[decides]",
        "tests/unit/directory/test_privacy.py",
    ),
    Mutant(
        "default-level-ignored",
        "gateway/directory/privacy.py",
        "self.default[field] if decides is None else person.visibility[decides])",
        "EVERYONE if decides is None else person.visibility[decides])",
        "tests/unit/directory/test_privacy.py",
    ),
    Mutant(
        "unlisted-person-in-lists",
        "gateway/directory/queries.py",
        "return profile if entry.person.listed or profile.audience is Audience.ADMINISTRATOR else None",
        "return profile",
        "tests/unit/directory/test_service.py",
    ),
    Mutant(
        "history-level-ignored",
        "gateway/directory/queries.py",
        "return History(tuple(each for each in plans if profile.audience.rank >= each.level))",
        "return History(tuple(plans))",
        "tests/unit/directory/test_disclosure.py",
    ),
    Mutant(
        "missing-person-without-placeholder",
        "gateway/directory/queries.py",
        "profile = self._cached_profile(entry, entry.person or PLACEHOLDER, viewer)\n",
        "profile = None if entry.person is None else self._cached_profile(entry, entry.person, viewer)\n",
        "tests/unit/directory/test_disclosure.py",
    ),
    Mutant(
        "hidden-person-has-another-outcome",
        "gateway/directory/results.py",
        'Literal["not_found"]] = "not_found"',
        'Literal["not_found"]] = "refused"  # type: ignore',
        "tests/unit/finger/test_answers.py tests/unit/irc/test_commands.py tests/unit/web/test_pages.py",
    ),
    Mutant(
        "policy-change-keeps-the-cache",
        "gateway/directory/service.py",
        "self._queries.policy = policy\n            self._queries.cache.clear()\n",
        "self._queries.policy = policy\n",
        "tests/unit/directory/test_disclosure.py",
    ),
    Mutant(
        "cache-clear-keeps-fetches-under-way",
        "gateway/directory/cache.py",
        "self._entries.clear()\n        self._fetches.clear()\n",
        "self._entries.clear()\n",
        "tests/unit/directory/test_cache.py",
    ),
    Mutant(
        "page-of-another-site-counts-as-member",
        "gateway/web/http/request.py",
        "if self._is_cross_site():",
        "if False:",
        "tests/unit/web/http/test_request.py",
    ),
    # who may edit what
    Mutant(
        "administrator-or-scope",
        "gateway/directory/privacy.py",
        'return viewer.administrator and viewer.scope == "administrator"',
        'return viewer.administrator or viewer.scope == "administrator"',
        "tests/unit/directory/test_edit_checks.py",
    ),
    Mutant(
        "member-edits-others",
        "gateway/directory/edit_checks.py",
        "if audience.rank < Audience.SELF.rank:",
        "if audience.rank < Audience.MEMBER.rank:",
        "tests/unit/directory/test_service.py",
    ),
    Mutant(
        "login-without-precis",
        "gateway/directory/names.py",
        "canonical = _enforce_precis(text)",
        "canonical = text.lower()",
        "tests/unit/directory/test_names.py",
    ),
    # what a text may hold
    Mutant(
        "templates-without-finalize",
        "gateway/rendering/templates.py",
        "finalize=finalize,",
        "finalize=None,",
        "tests/unit/finger/test_text_on_the_wire.py tests/unit/rendering/test_templates.py",
    ),
    Mutant(
        "forwarded-answer-not-sanitized",
        "gateway/finger/forwarding.py",
        'kept = sanitize_keeping_colour if settings.ansi == "sgr" else sanitize',
        'kept = lambda line: line.decode("latin-1")',
        "tests/unit/finger/test_forwarding.py",
    ),
    Mutant(
        "plan-on-the-web-not-sanitized",
        "gateway/web/replies.py",
        'self._field_reply(profile, "plan", sanitize(profile.plan))',
        'self._field_reply(profile, "plan", profile.plan)',
        "tests/unit/web/views/test_person.py",
    ),
    Mutant(
        "irc-line-not-sanitized",
        "gateway/irc/lines.py",
        'sanitize(_FORMATTING.sub("", text)).expandtabs()',
        '_FORMATTING.sub("", text).expandtabs()',
        "tests/unit/irc/test_lines.py tests/unit/irc/test_commands.py",
    ),
    Mutant(
        "irc-line-break-injected",
        "gateway/irc/connection.py",
        r'''.translate(None, b"\r\n\0") + b"\r\n"''',
        r'''+ b"\r\n"''',
        "tests/unit/irc/test_send_line.py",
    ),
    Mutant(
        "search-signs-reach-the-database",
        "gateway/directory/search_terms.py",
        "return tuple(kept.split())",
        "return tuple(folded.split())",
        "tests/unit/directory/test_search_terms.py",
    ),
    # limits
    Mutant(
        "finger-rate-limit-skipped",
        "gateway/one_line_server.py",
        "if tracked.retry_after is not None:",
        "if False:",
        "tests/unit/finger/test_refusals.py",
    ),
    Mutant(
        "web-rate-limit-skipped",
        "gateway/web/app.py",
        "if tracked.retry_after is not None:",
        "if False:",
        "tests/unit/web/test_errors.py tests/unit/web/http/test_forwarded.py",
    ),
    Mutant(
        "irc-rate-limit-skipped",
        "gateway/irc/command_handler.py",
        "wait = tracked.retry_after or self._retry_after(request)",
        "wait = self._retry_after(request)",
        "tests/unit/irc/test_commands.py",
    ),
    Mutant(
        "irc-bots-answer-each-other-for-ever",
        "gateway/irc/command_handler.py",
        "wait = tracked.retry_after or self._retry_after(request)",
        "wait = tracked.retry_after or 0.0",
        "tests/unit/irc/test_connection.py",
    ),
    Mutant(
        "irc-pace-ignored",
        "gateway/irc/outbox.py",
        "while self._queues and self._due - now <= (self._burst - 1) * self._line_interval + 1e-9:",
        "while self._queues:",
        "tests/unit/irc/test_outbox.py",
    ),
    Mutant(
        "connections-of-one-address-unlimited",
        "gateway/net/admission.py",
        "if self.open <= self._max_connections and mine <= self._max_per_address:",
        "if self.open <= self._max_connections:",
        "tests/unit/ops/test_rate_limit.py tests/unit/finger/test_refusals.py",
    ),
    Mutant(
        "forwarded-answer-unlimited",
        "gateway/outbound/finger_client.py",
        "data, more = data[: self._left], len(data) > self._left",
        "data, more = data, False",
        "tests/unit/outbound/test_finger_client.py",
    ),
    Mutant(
        "request-body-unlimited",
        "gateway/web/http/request.py",
        "if self._body_bytes_left < 0:",
        "if False:",
        "tests/unit/web/http/test_channel.py",
    ),
    # deadlines
    Mutant(
        "finger-deadline-not-armed",
        "gateway/one_line_server.py",
        "self._deadline.arm(self._deps.timeout, self._time_out)",
        "pass",
        "tests/unit/finger/test_connection.py",
    ),
    Mutant(
        "web-deadline-not-armed",
        "gateway/web/http/channel.py",
        "min(REJECT_DELAY, self._deps.timeout) if rejected else self._deps.timeout, self._time_out",
        "1e9, self._time_out",
        "tests/unit/web/http/test_channel.py",
    ),
    Mutant(
        "proxy-header-deadline-not-armed",
        "gateway/net/proxy_protocol.py",
        "self._deadline.arm(self._gate.timeout, self._time_out)",
        "self._deadline.arm(1e9, self._time_out)",
        "tests/unit/net/test_proxy_protocol.py",
    ),
    # whom to believe, and whom to connect to
    Mutant(
        "proxy-header-from-anyone",
        "gateway/net/proxy_protocol.py",
        "if host is None or Address.parse(host) in self._trusted_proxies:",
        "if True:",
        "tests/unit/net/test_proxy_protocol.py",
    ),
    Mutant(
        "forwarded-header-from-anyone",
        "gateway/web/http/channel.py",
        "proxies, self.address is None or self.address in proxies",
        "proxies, True",
        "tests/unit/web/http/test_forwarded.py",
    ),
    Mutant(
        "private-addresses-dialled",
        "gateway/outbound/public_hosts.py",
        "public = [address for address in addresses if is_public(address)]",
        "public = list(addresses)",
        "tests/unit/outbound/test_safe_dialer.py tests/unit/finger/test_forwarding.py",
    ),
    Mutant(
        "control-socket-open-to-all-users",
        "gateway/ops/control.py",
        "if self.factory.peer_uid(self.transport) not in (0, os.geteuid()):",
        "if False:",
        "tests/unit/ops/test_control.py",
    ),
    # what HTTP caches may keep, and what pages may load
    Mutant(
        "security-headers-dropped",
        "gateway/web/http/reply.py",
        '("Cache-Control", self.cache_control), *_SECURITY_HEADERS, *self.headers]',
        '("Cache-Control", self.cache_control), *self.headers]',
        "tests/unit/web/http/test_reply.py tests/unit/web/test_assets.py",
    ),
    Mutant(
        "private-answer-cached",
        "gateway/web/replies.py",
        "cache_control = PUBLIC if profile.audience is Audience.EVERYONE else PRIVATE\n",
        "cache_control = PUBLIC\n",
        "tests/unit/web/test_pages.py",
    ),
    Mutant(
        "etag-shared-between-audiences",
        "gateway/web/http/reply.py",
        "(self.content_type.encode(), self.variant.encode(), self.body)",
        "(self.content_type.encode(), self.body)",
        "tests/unit/web/http/test_reply.py tests/unit/web/test_pages.py",
    ),
    # operation
    Mutant(
        "access-log-line-dropped",
        "gateway/ops/request_tracker.py",
        "self._access_log.write(\n",
        "repr(\n",
        "tests/unit/ops/test_request_tracker.py",
    ),
    Mutant(
        "access-log-kept-for-ever",
        "gateway/ops/daily_rotation.py",
        "if now - datetime.combine(day, datetime.min.time(), UTC) - _DAY >= self._retention:",
        "if False:",
        "tests/unit/ops/test_access_log.py",
    ),
    Mutant(
        "reload-half-done",
        "gateway/application.py",
        "return PreparedReload(partial(self.directory.set_policy, make_policy(settings)))",
        "return PreparedReload(lambda: None, self.directory.set_policy(make_policy(settings)))",
        "tests/unit/test_reload.py",
    ),
    Mutant(
        "stop-does-not-wait-for-requests",
        "gateway/application.py",
        'Stage("requests in flight", DRAIN_TIMEOUT, self._tracker.when_idle),',
        "",
        "tests/unit/test_application.py",
    ),
    Mutant(
        "damaged-database-restored",
        "gateway/store/backups.py",
        'if found != "ok":',
        "if False:",
        "tests/unit/store/test_damaged_backup.py",
    ),
)


def copy_tree(source: Path, target: Path) -> None:
    """Copy what git tracks, and new files that it does not ignore, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def run_tests(tree: Path, targets: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Run *targets* in *tree* until the first failure. Return pytest's exit status (None: too slow) and its output.

    No byte code is written: Python would take a file of the same size and second for an unchanged one.
    """
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *targets]
    try:
        run = subprocess.run(
            command, cwd=tree, env=environment, check=False, timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return None, (late.output or b"").decode(errors="replace")
    return run.returncode, run.stdout.decode(errors="replace")


def first_failure(output: str) -> str:
    """Return the node id of the first test that failed, or an empty string."""
    found = _FAILED.search(output)
    return found[1] if found else ""


def try_mutant(mutant: Mutant, tree: Path) -> tuple[bool, str]:
    """Apply *mutant* in *tree*, run its tests, and restore the file. Return whether a test killed it, and a line about it."""
    try:
        original = mutant.apply(tree)
    except ValueError as error:
        return False, f"BROKEN  {mutant.name}: {error}"
    try:
        status, output = run_tests(tree, mutant.targets, TEST_TIMEOUT)
    finally:
        (tree / mutant.file).write_text(original)
    if status == TESTS_FAILED and (test := first_failure(output)):
        return True, f"killed  {mutant.name}: {test[:160]}"
    if status == 0:
        return False, f"ALIVE   {mutant.name}: {mutant.file}"
    reason = (
        "the tests took too long" if status is None else f"the tests could not run (status {status})\n{output[-2000:]}"
    )
    return False, f"BROKEN  {mutant.name}: {reason}"


def run_mutants(mutants: Sequence[Mutant]) -> int:
    """Try all *mutants*, print a line for each, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        tree = Path(directory)
        tree.chmod(0o755)  # some tests start processes of another user, which import the code from here
        copy_tree(CHECKOUT, tree)
        targets = sorted({target for mutant in mutants for target in mutant.targets})
        status, output = run_tests(tree, targets, BASELINE_TIMEOUT)
        if status != 0:
            print(f"{output[-4000:]}\nThe tests do not pass without a mutant; no mutant was tried.")
            return 1
        survivors = 0
        for mutant in mutants:
            killed, line = try_mutant(mutant, tree)
            survivors += not killed
            print(line, flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants killed")
    return 1 if survivors else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the mutants and run nothing")
    parser.add_argument("--only", metavar="NAME", nargs="+", help="try only these mutants")
    options = parser.parse_args()
    known = {mutant.name: mutant for mutant in MUTANTS}
    if unknown := [name for name in options.only or () if name not in known]:
        parser.error(f"no such mutant: {', '.join(unknown)}")
    chosen = [known[name] for name in options.only or known]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name}: {mutant.file}: {mutant.tests}")
        return 0
    return run_mutants(chosen)


if __name__ == "__main__":
    sys.exit(main())
