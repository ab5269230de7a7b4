"""What the command says."""

import shlex

from ..directory.answers import EditProblem
from ..directory.explanation import Explanation, FieldExplanation, Reason
from ..directory.person import Visibility

INTERRUPTED = "Interrupted; nothing more was done."
UNAVAILABLE = "The directory cannot answer or save just now; the line above says why. Nothing was changed."
NOTHING_CHANGED = "Nothing had to be changed."
NO_PLAN = "No Plan."
NO_ANSWER = "no answer in time"
NO_SUCH_HOST = "no such host"
NOT_RELOADED = "Nothing has changed: the gateway goes on as before."
AS_IT_WAS = "The plan stays as it was."
EXPLAINED = ("Field", "Holds", "Seen by", "Why")
ON = "on now"


def no_such_user(login: str) -> str:
    return f"{login}: no such user."


def refused(login: str) -> str:
    return f"{login}: not allowed."


def invalid(problem: EditProblem) -> str:
    return f"{problem.login}: {problem.field}: found {problem.found}; allowed: {problem.allowed}"


def conflict(login: str) -> str:
    return f"{login}: was changed by somebody else meanwhile; nothing was saved. Look at it again, then try again."


def bad_editor(editor: str, why: str) -> str:
    return f"$EDITOR: {editor}: {why}"


def kept(file: str) -> str:
    return f"What you wrote is in {file}."


def changed(login: str, what: str) -> str:
    return f"{login}: {what} saved."


def added(login: str) -> str:
    return f"{login}: added."


def removed(login: str) -> str:
    return f"{login}: removed."


def imported(new: int, changed: int, same: int, written: bool = True) -> str:
    said = f"{new} added, {changed} changed, {same} already as they are here."
    return said if written else f"It would be: {said} Nothing was written."


def no_people_file() -> str:
    return "found neither JSON, CSV nor vCard; allowed: one of these (--format says which)"


def cannot_be_had(where: str, field: str, name: str) -> str:
    return f"{where}: {field}: found {name!r}; allowed: a name that can still be had"


def login_from(where: str, login: str, source: str) -> str:
    return f"{where}: login {login}, from {source}"


def left(where: str, what: str) -> str:
    return f"{where}: not taken: {what}"


def renamed(login: str, new: str) -> str:
    end = f"finger-gateway people set {shlex.quote(new)} former ''"
    return f"{login}: is {new} now. {login} still finds them, and can be nobody else's, until: {end}"


def backed_up(people: int, file: str) -> str:
    return f"{file}: {people} people, and all that is kept about them."


def restored(people: int, database: str, kept: str) -> str:
    said = f"{database}: {people} people, as the backup has them."
    return f"{said}\nThe replaced database is {kept}: remove it when nobody needs it." if kept else said


def unknown_field(field: str, near: str, allowed: str) -> str:
    hint = f" (did you mean {near}?)" if near else ""
    return f"{field}: an unknown field; allowed: {allowed}{hint}"


def initialised(folder: str) -> str:
    return f"""Wrote {folder}/gateway.toml and an empty {folder}/people.db.

Next:
  cd {shlex.quote(folder)}
  finger-gateway people add alice --name "Alice Adams"
  finger-gateway plan alice            # opens $EDITOR
  finger-gateway check                 # names every mistake in gateway.toml
  finger-gateway run"""


def exists(file: str) -> str:
    return f"{file}: is there already; nothing was written."


def fine(file: str) -> str:
    return f"{file}: no mistakes."


def loopback_members(network: str) -> str:
    return f"warning: site.members: {network} is loopback: everybody on this machine, and behind a proxy on it, is a member"


def open_to_all(key: str, endpoint: str) -> str:
    return f"warning: {key}: {endpoint!r} listens on every address: let nobody but the proxy reach it (interface=...)"


def stray_template(name: str, nearest: str) -> str:
    hint = f"; did you mean {nearest}?" if nearest else ""
    return (
        f"warning: site.templates: {name} is never used: no template of ours has that name, and none includes it{hint}"
    )


def unknown_in_template(name: str, what: str) -> str:
    return f"warning: site.templates: {name} asks for {what!r}, which no template there is given"


def reloaded(file: str, changed: list[str], restart: list[str]) -> str:
    lines = [f"Reloaded {file}.", f"changed: {', '.join(changed) or 'nothing'}"]
    return "\n".join([*lines, f"needs a restart: {', '.join(restart)}"] if restart else lines)


def why(seen: FieldExplanation, preset: str) -> str:
    """Why *seen* is so, in a few words; *preset* is the settings' one."""
    if seen.why is Reason.LIMIT and seen.wanted is not None:
        limit = "[privacy.limit]" if seen.own_limit else f"limit of preset {preset}"
        return f"{limit}, not {seen.wanted.name.lower()}"
    return {
        Reason.PRESET: f"preset {preset}",
        Reason.DEFAULT: "[privacy.default]",
        Reason.CHOICE: "own choice",
        Reason.SOURCE: f"source {seen.by}" if seen.by else "a source that is down",
        Reason.FOLLOWS: f"as {seen.by}",
    }.get(seen.why, "as name")


def remarks(explanation: Explanation) -> list[str]:
    """What the table does not say by itself."""
    login, levels = explanation.profile.login, {seen.field: seen.by_whom for seen in explanation.fields}
    said = [f"nobody: but {login} and the administrators."]
    if levels["name"] is not Visibility.EVERYONE:
        said.append("Who may not see the name is told that there is no such user.")
    if not explanation.profile.listed:
        said.append("Not listed: in no list and no search, found by those who know the name.")
    return said


def not_running(file: str, path: str) -> str:
    return f"No gateway of {file} runs: nobody answers on {path}."


def not_asked(path: str, why: str) -> str:
    return f"control.socket: {path}: cannot be asked: {why}"


def not_reached(host: str, port: int, why: str) -> str:
    return f"{host}:{port}: cannot be asked: {why}"


def not_all(host: str, port: int) -> str:
    return f"{host}:{port}: the answer breaks off here"


def too_much(host: str, port: int, most: int) -> str:
    return f"{host}:{port}: the answer is longer than {most // 1024} KiB; the rest was not waited for"


def forwards_to_itself(entry: str) -> str:
    return f"warning: finger.forward_to: {entry} is this gateway, which answers for itself"


def forwards_to_nobody(entry: str) -> str:
    return f"warning: finger.forward_to: {entry} is not a public address: queries for it are refused"


def more_mistakes(count: int) -> str:
    return f"and {count} more mistake{'' if count == 1 else 's'}"
