"""What the command says."""

import shlex

from ..directory.answers import Problem

INTERRUPTED = "Interrupted; nothing more was done."
UNAVAILABLE = "The directory cannot answer or save just now; the line above says why. Nothing was changed."
NOTHING_CHANGED = "Nothing had to be changed."
NO_PLAN = "No Plan."
NO_ANSWER = "no answer in time"
AS_IT_WAS = "The plan stays as it was."


def no_such_user(login: str) -> str:
    return f"{login}: no such user."


def refused(login: str) -> str:
    return f"{login}: not allowed."


def invalid(problem: Problem) -> str:
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


def imported(new: int, changed: int, same: int) -> str:
    return f"{new} added, {changed} changed, {same} already as they are here."


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


def not_reached(host: str, port: int, why: str) -> str:
    return f"{host}:{port}: cannot be asked: {why}"
