"""finger-gateway(1), from the help of all commands."""

from collections.abc import Iterator
from inspect import cleandoc

import click

from ..cli import cli
from ..config.locate import SEARCH_PATHS
from .roff import ManPage

EXIT_STATUS = {
    "0": "Done.",
    "1": "Not found, refused or interrupted; for `conform`: a MUST check failed.",
    "2": "Wrong usage, or an error in the settings or in a file.",
    "3": "For `conform`: only other checks failed.",
    "69": "The directory, the server or the running gateway could not be reached.",
}


def command_page() -> str:
    """Return the page."""
    context = click.Context(cli, info_name="finger-gateway", **cli.context_settings)
    summary, *description = _paragraphs(cli)
    page = ManPage("finger-gateway", 1, summary[0].lower() + summary[1:].rstrip("."))
    page.add_section("SYNOPSIS")
    page.add_paragraph(f"`{context.command_path}` {' '.join(cli.collect_usage_pieces(context))}")
    page.add_section("DESCRIPTION")
    page.add_paragraph(summary)
    _add_help(page, description)
    page.add_section("OPTIONS")
    _add_options(page, context)
    page.add_item("-h, --help", "Show the help of a command; every command takes it.")
    page.add_section("COMMANDS")
    for below in _below(context):
        page.add_subsection(_usage(below))
        _add_help(page, _paragraphs(below.command))
        _add_options(page, below)
    page.add_section("EXIT STATUS")
    for code, meaning in EXIT_STATUS.items():
        page.add_item(code, meaning)
    page.add_section("ENVIRONMENT")
    page.add_item("FINGER_GATEWAY_CONFIG", "The settings file, if there is no `-c`.")
    page.add_section("FILES")
    page.add_item(
        ", ".join(map(str, SEARCH_PATHS)), "The settings, see gateway.toml(5); the first that exists is used."
    )
    page.add_section("SEE ALSO")
    page.add_paragraph("gateway.toml(5), finger(1)")
    return page.render()


def _below(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of each command below that of *context*, at every depth."""
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None:
                below = click.Context(command, parent=context, info_name=name)
                yield below
                yield from _below(below)


def _usage(context: click.Context) -> str:
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def _paragraphs(command: click.Command) -> list[str]:
    return cleandoc(command.help or "").split("\n\n")


def _add_help(page: ManPage, paragraphs: list[str]) -> None:
    for paragraph in paragraphs:
        if paragraph.startswith("\b\n"):  # click's mark of lines that it does not wrap
            page.add_literal(paragraph.splitlines()[1:])
        else:
            page.add_paragraph(paragraph)


def _add_options(page: ManPage, context: click.Context) -> None:
    for option in context.command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            page.add_item(*record)
