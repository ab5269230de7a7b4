"""What the demo says."""

from collections.abc import Mapping

OPEN = "The Tea Club is open: one directory, asked over the wire on three protocols.\n"
OTHER_PORTS = (
    "The demo takes other ports: --finger, --web and --irc,\n"
    "as in: finger-gateway demo --finger tcp:2079:interface=127.0.0.1"
)


def no_port(endpoint: str) -> str:
    return f'found {endpoint!r}; allowed: "tcp:PORT" or "tcp:PORT:interface=ADDRESS", PORT from 1 to 65535'


def not_ours(settings: str) -> str:
    return f"{settings}: was not written by the demo; allowed: a folder of the demo's own (--dir), or none"


def answered(command: str, answer: str) -> str:
    return f"{command}\n{answer}"


def no_answer(why: str) -> str:
    return f"The demo could not ask itself: {why}. It goes on serving; Ctrl-C ends it."


def to_try(command: str, home: str, ports: Mapping[str, int]) -> str:
    return f"""Try:
  {command} ask -l alice@localhost:{ports["finger"]}
  printf 'adams\\r\\n' | nc -N localhost {ports["finger"]}
  curl http://localhost:{ports["web"]}/users/mei
  curl http://localhost:{ports["web"]}/users/alice.json
  a browser at http://localhost:{ports["web"]}/
  irssi -c localhost -p {ports["irc"]} -n you    then /msg fingerbot alice, or /join #tea
Change a plan, then ask again on any of them:
  echo "Gone to buy milk." | {command} plan -c {home}/gateway.toml alice -
Records are in {home}/records.jsonl. Ctrl-C ends it."""
