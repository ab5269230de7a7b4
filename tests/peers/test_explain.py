"""`finger-gateway check --explain` and the policy page of a running gateway agree with the answers that viewers get."""

import json
from pathlib import Path
from typing import Any

from gateway.text.width import width
from tests.peers.gateway_process import Installation, http_get, make_installation, query_finger, run_gateway

PEOPLE = (
    {
        "login": "alice",
        "name": "Alice Adams",
        "office": "B12",
        "home_phone": "+420 555 0199",
        "email": "\x1b[31malice\x1b[0m@dir.test",
        "title": "茶艺师茶艺师茶艺师茶艺师茶艺师",
        "plan": "First line\nand a second one that is long\n",
        "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}],
        "listed": False,
        "visibility": {"office": "nobody", "home_phone": "everyone", "plan": "everyone", "presence": "members"},
    },
    {"login": "carol", "name": "Carol Hidden", "office": "C3", "hidden": True},
)
PRIVACY = """
[privacy]
preset = "A"
[privacy.default]
email = "nobody"
[privacy.limit]
home_phone = "members"
"""
ALICE = """\
Field         Value                  Seen by   Why
login         alice                  everyone  as name
name          Alice Adams            everyone  preset A
aliases       -                      members   preset A
pronouns      -                      members   preset A
pronunciation -                      members   preset A
title         茶艺师茶艺师茶艺师茶…  members   preset A
organisation  -                      members   preset A
office        B12                    nobody    own choice
office_phone  -                      everyone  preset A
home_phone    +420 555 0199          members   [privacy.limit], not everyone
email         alice@dir.test         nobody    [privacy.default]
location      -                      members   preset A
timezone      -                      members   preset A
links         Blog https://alice.ex… members   preset A
keys          -                      members   preset A
project       -                      members   preset A
plan          First line and a seco… members   limit of preset A, not everyone
status        -                      members   preset A
irc           -                      nobody    preset A
fediverse     -                      members   preset A
former        -                      nobody    preset A
presence      -                      members   own choice
terminal      -                      nobody    preset A
origin        -                      nobody    preset A
idle          -                      members   as presence
last_seen     -                      everyone  preset A

nobody: only alice and the administrators.
Unlisted: appears in no list or search, but can be looked up by name.
"""


def make_explained_installation(folder: Path) -> Installation:
    return make_installation(folder, people=PEOPLE, more=PRIVACY)


def test_explain_prints_every_field_with_and_without_a_running_gateway(tmp_path: Path) -> None:
    installation = make_explained_installation(tmp_path)
    output = installation.run("check", "--explain", "alice").out
    assert output == ALICE
    assert max(map(width, output.splitlines())) <= 80

    with run_gateway(installation):
        assert installation.run("check", "--explain", "Alice").out == ALICE
        fields = {row["field"]: row for row in _explain_as_json(installation, "alice")["fields"]}
        answer = query_finger(installation.finger_port, "/W alice")
        for name, value in (("name", "Alice Adams"), ("office", "B12"), ("home_phone", "+420 555 0199")):
            assert (value in answer) == (fields[name]["seen_by"] == "everyone"), name
        status, policy = http_get(installation.web_port, "/policy.json")
        assert status == 200
        told_of = {row["field"]: row for row in json.loads(policy)["fields"]}
        assert set(told_of) == set(fields) - {"login"}
        for name, row in fields.items():
            if row["why"] in ("preset", "default"):
                assert row["seen_by"] == told_of[name]["default"], name
        assert told_of["home_phone"] == {
            "field": "home_phone", "default": "members", "limit": "members", "choices": ["members", "nobody"],
        }  # fmt: skip


def _explain_as_json(installation: Installation, login: str) -> dict[str, Any]:
    output: dict[str, Any] = json.loads(installation.run("check", "--explain", login, "--json").out)
    return output


def test_explain_as_json_and_for_hidden_and_missing_people(tmp_path: Path) -> None:
    installation = make_explained_installation(tmp_path)
    output = _explain_as_json(installation, "alice")
    fields = {row["field"]: row for row in output["fields"]}
    assert (output["login"], output["listed"]) == ("alice", False)
    plan = PEOPLE[0]["plan"]
    assert fields["plan"] == {
        "field": "plan", "value": plan, "seen_by": "members", "why": "limit", "wanted": "everyone", "limit": "preset",
    }  # fmt: skip
    assert fields["home_phone"]["limit"] == "settings"
    assert fields["keys"] == {"field": "keys", "value": None, "seen_by": "members", "why": "preset"}
    assert (fields["idle"]["why"], fields["idle"]["by"]) == ("follows", "presence")

    carol = installation.run("check", "--explain", "carol").out
    assert "office        C3                     nobody    as name\n" in carol
    assert "name          Carol Hidden           nobody    own choice\n" in carol
    assert carol.endswith("To people who may not see the name, this person does not exist.\n")

    assert installation.run("check", "--explain", "nobody", code=1).err == "nobody: no such user.\n"
    installation.settings.write_text(installation.settings.read_text().replace('"A"', '"D"'))
    wrong = installation.run("check", "--explain", "alice", code=2).err
    assert "privacy.preset: found 'D'" in wrong
