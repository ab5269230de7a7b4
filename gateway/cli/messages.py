"""What the commands print."""

import shlex
from collections.abc import Iterable

from ..config.problems import describe_problem, describe_unknown
from ..directory.explanation import Explanation, FieldExplanation, Reason
from ..directory.person import Visibility
from ..directory.results import EditProblem

INTERRUPTED = "Interrupted."
UNAVAILABLE = "The directory is unavailable (see the line above). Nothing was changed."
NOTHING_CHANGED = "No change."
NO_PLAN = "No Plan."
NO_ANSWER = "no answer in time"
NO_SUCH_HOST = "no such host"
NOT_RELOADED = "Not reloaded: the old settings stay in force."
PLAN_UNCHANGED = "The plan was not changed."
EXPLANATION_HEADINGS = ("Field", "Value", "Seen by", "Why")
ONLINE = "online"


def no_such_user(login: str) -> str:
    return f"{login}: no such user."


def refused(login: str) -> str:
    return f"{login}: not allowed."


def invalid(problem: EditProblem) -> str:
    return f"{problem.login}: {problem.field}: {describe_problem(problem.found, problem.allowed)}"


def conflict(login: str) -> str:
    return f"{login}: somebody else changed this person meanwhile; nothing was saved. Look again, then retry."


def bad_editor(editor: str, why: str) -> str:
    return f"$EDITOR: {editor}: {why}"


def draft_kept(file: str) -> str:
    return f"Your text was kept in {file}."


def changed(login: str, what: str) -> str:
    return f"{login}: {what} saved."


def added(login: str) -> str:
    return f"{login}: added."


def removed(login: str) -> str:
    return f"{login}: removed."


def imported(new: int, changed: int, same: int, written: bool = True) -> str:
    counts = f"{new} added, {changed} changed, {same} unchanged"
    return f"{counts}." if written else f"Dry run: {counts}. Nothing was written."


def unknown_format() -> str:
    return "this is neither JSON, CSV nor vCard (use --format if it is one of them)"


def name_taken(where: str, field: str, name: str) -> str:
    return f"{where}: {field}: {name!r} is already taken"


def login_from(where: str, login: str, source: str) -> str:
    return f"{where}: login {login}, taken from {source}"


def not_imported(where: str, what: str) -> str:
    return f"{where}: not imported: {what}"


def renamed(login: str, new: str) -> str:
    end = f"finger-gateway people set {shlex.quote(new)} former ''"
    return f"Renamed {login} to {new}. {login!r} stays reserved and still finds this person. To release it: {end}"


def backed_up(people: int, file: str) -> str:
    return f"{file}: saved {_count_people(people)}, with their history."


def restored(people: int, database: str, kept: str) -> str:
    text = f"{database}: restored {_count_people(people)}."
    return f"{text}\nThe replaced database is {kept}; remove it when you no longer need it." if kept else text


def _count_people(count: int) -> str:
    return f"{count} person" if count == 1 else f"{count} people"


def unknown_field(field: str, known: Iterable[str]) -> str:
    return f"{field}: {describe_unknown('field', field, known)}"


def bad_value(field: str, value: str, allowed: str) -> str:
    return f"{field}: {describe_problem(repr(value), allowed)}"


def initialised(folder: str) -> str:
    enter = "" if folder == "." else f"\n  cd {shlex.quote(folder)}"
    return f"""Wrote {folder}/gateway.toml and an empty {folder}/people.db.

Next:{enter}
  finger-gateway people add alice --name "Alice Adams"
  finger-gateway plan alice            # opens $EDITOR
  finger-gateway check                 # lists every error in gateway.toml
  finger-gateway run"""


def already_exists(file: str) -> str:
    return f"{file} already exists; nothing was written."


def no_problems(file: str) -> str:
    return f"{file}: no errors."


def loopback_members(network: str) -> str:
    return (
        f"warning: site.members: {network} is loopback: everybody on this machine, or behind a proxy on it, is a member"
    )


def trusts_any_proxy(key: str, endpoint: str) -> str:
    return f"warning: {key}: {endpoint!r} listens on every address: make sure that only the proxy can reach it (interface=...)"


def unused_template(name: str, nearest: str) -> str:
    hint = f"; did you mean {nearest}?" if nearest else ""
    return (
        f"warning: site.templates: {name} is never used: no built-in template has that name, and none includes it{hint}"
    )


def undefined_in_template(name: str, what: str) -> str:
    return f"warning: site.templates: {name} uses {what!r}, which is not defined there"


def reloaded(file: str, changed: list[str], restart: list[str]) -> str:
    lines = [f"Reloaded {file}.", f"changed: {', '.join(changed) or 'nothing'}"]
    return "\n".join([*lines, f"needs a restart: {', '.join(restart)}"] if restart else lines)


def reason(seen: FieldExplanation, preset: str) -> str:
    """Return in a few words why a field is seen as it is; *preset* is the preset of the settings."""
    if seen.reason is Reason.LIMIT and seen.wanted is not None:
        limit = "[privacy.limit]" if seen.own_limit else f"limit of preset {preset}"
        return f"{limit}, not {seen.wanted.name.lower()}"
    return {
        Reason.PRESET: f"preset {preset}",
        Reason.DEFAULT: "[privacy.default]",
        Reason.CHOICE: "own choice",
        Reason.SOURCE: f"source {seen.by}" if seen.by else "a source that is down",
        Reason.FOLLOWS: f"as {seen.by}",
    }.get(seen.reason, "as name")


def remarks(explanation: Explanation) -> list[str]:
    """Return the lines below the table of `check --explain`."""
    login, levels = explanation.profile.login, {seen.field: seen.seen_by for seen in explanation.fields}
    lines = [f"nobody: only {login} and the administrators."]
    if levels["name"] is not Visibility.EVERYONE:
        lines.append("To people who may not see the name, this person does not exist.")
    if not explanation.profile.listed:
        lines.append("Unlisted: appears in no list or search, but can be looked up by name.")
    return lines


def not_running(file: str, path: str) -> str:
    return f"No gateway with {file} is running: nothing answers on {path}."


def control_failed(path: str, why: str) -> str:
    return f"control.socket: {path}: {why}"


def cannot_connect(host: str, port: int, why: str) -> str:
    return f"{host}:{port}: {why}"


def answer_incomplete(host: str, port: int) -> str:
    return f"{host}:{port}: the connection broke; the answer is incomplete"


def answer_too_long(host: str, port: int, most: int) -> str:
    return f"{host}:{port}: the answer is longer than {most // 1024} KiB; the rest was not read"


def forwards_to_itself(entry: str) -> str:
    return f"warning: finger.forward_to: {entry} is this gateway; it does not forward to itself"


def forwards_to_nobody(entry: str) -> str:
    return f"warning: finger.forward_to: {entry} is not a public address: queries for it are refused"


def more_errors(count: int) -> str:
    return f"and {count} more error{'' if count == 1 else 's'}"
