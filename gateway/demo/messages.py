"""Messages of the demo."""

from collections.abc import Mapping

INTRODUCTION = "The Tea Club is open: one directory, three protocols.\n"
OTHER_PORTS = (
    "Choose other ports with --finger, --web and --irc,\n"
    "for example: finger-gateway demo --finger tcp:2079:interface=127.0.0.1"
)


def not_a_port(endpoint: str) -> str:
    return f'cannot listen on {endpoint!r}; write "tcp:PORT" or "tcp:PORT:interface=ADDRESS", PORT from 1 to 65535'


def foreign_settings(settings: str) -> str:
    return f"{settings}: not written by the demo; give --dir a folder of the demo or a new one"


def exchange(command: str, answer: str) -> str:
    return f"{command}\n{answer}"


def no_answer(why: str) -> str:
    return f"The demo could not query its own server: {why}. It keeps running; Ctrl-C ends the demo."


def things_to_try(command: str, home: str, ports: Mapping[str, int]) -> str:
    return f"""Try:
  {command} ask -l alice@localhost:{ports["finger"]}
  printf 'adams\\r\\n' | nc -N localhost {ports["finger"]}
  curl http://localhost:{ports["web"]}/users/mei
  curl http://localhost:{ports["web"]}/users/alice.json
  a browser at http://localhost:{ports["web"]}/
  irssi -c localhost -p {ports["irc"]} -n you    then /msg fingerbot alice, or /join #tea
Change a plan, then ask again on any of them:
  echo "Gone to buy milk." | {command} plan -c {home}/gateway.toml alice -
The access log is {home}/access.jsonl. Ctrl-C ends the demo."""
