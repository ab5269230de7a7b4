"""Functions that build what the settings describe: the directory with its sources, the policy, the renderer, the site info.

Nothing is opened or started here; application.py puts it together.
"""

from pathlib import Path
from typing import Any

from twisted.application.service import IService

from .config.problems import BadSettings, CannotStart, Problem
from .dependencies import PageLook, SiteInfo
from .directory.interfaces import Source
from .directory.names import HostNames
from .directory.person import Visibility
from .directory.privacy import Policy
from .directory.service import DirectoryService
from .directory.source_indexer import SourceIndexer
from .protocol_registry import all_plugins, enabled_protocols
from .rendering import template_lint
from .rendering.render import Renderer
from .rendering.templates import BrokenTemplate, TemplateSet
from .settings import Settings
from .sources import custom
from .store import sqlite_store
from .store.in_memory_index import InMemoryIndex


def make_directory(settings: Settings, file: Path, store: sqlite_store.SQLiteStore, reactor: Any) -> DirectoryService:
    """Build the directory on *store* and the other sources of the settings. Raises BadSettings."""
    sources: list[Source] = []
    problems = []
    for name, table in settings.sources.items():
        if table.class_ is None:
            continue
        try:
            sources.append(custom.load_source(name, table.class_, table.options, table.cache_ttl, file.parent))
        except custom.BadSource as bad:
            problems.append(Problem(str(file), f"sources.{name}.class", bad.found, bad.allowed))
    if problems:
        raise BadSettings(problems)
    directory = DirectoryService(store, sources, make_policy(settings), reactor)
    for source in sources:
        if IService.providedBy(source):
            source.setServiceParent(directory)
    return directory


def make_source_indexers(directory: DirectoryService, reactor: Any) -> None:
    """Index the people of the directory's other sources, so that lists and searches find them. They run with *directory*."""
    for source in directory.sources:
        index = InMemoryIndex(reactor)
        directory.add_index(source, index)
        SourceIndexer(source, index, reactor).setServiceParent(directory)


def make_policy(settings: Settings) -> Policy:
    """Build the privacy policy: the preset, and the operator's own levels."""
    levels = [
        {field: Visibility[level.upper()] for field, level in table.items()}
        for table in (settings.privacy.default, settings.privacy.limit)
    ]
    return Policy.preset(settings.privacy.preset, *levels)


def make_renderer(settings: Settings, folder: Path) -> Renderer:
    """Build the renderer; the operator's own templates come before the built-in ones.

    Raises CannotStart for a template that cannot be read.
    """
    templates = _templates(settings, folder)
    try:
        templates.check()
    except BrokenTemplate as broken:
        raise CannotStart(str(broken)) from None
    return Renderer(templates, make_site_info(settings, folder))


def check_templates(settings: Settings, folder: Path) -> tuple[list[str], list[tuple[str, str]], list[tuple[str, str]]]:
    """Try the operator's own templates with sample people.

    Returns three lists: messages about templates that fail; templates that nothing uses, with the nearest name that is
    used; templates and the undefined names in them.
    """
    templates = _templates(settings, folder)
    templates.add_globals(site=make_site_info(settings, folder))
    return (
        [message for plugin in all_plugins(settings, folder) for message in plugin.check_templates(templates)],
        list(template_lint.unused_templates(templates)),
        list(template_lint.undefined_names(templates)),
    )


def _templates(settings: Settings, folder: Path) -> TemplateSet:
    return TemplateSet(folder / settings.site.templates if settings.site.templates else None)


def make_site_info(settings: Settings, folder: Path) -> SiteInfo:
    """Collect what protocols and templates may say of this site."""
    look, web = settings.site.look, settings.protocol("web")
    return SiteInfo(
        settings.site.name,
        HostNames(settings.site.hosts),
        settings.site.url,
        tuple(protocol.info for protocol in enabled_protocols(settings, folder)),
        bool(settings.site.members),
        settings.access_log.addresses,
        settings.access_log.retention,
        web.fediverse if web else None,
        web.webfinger if web else None,
        tuple(web.security_contact) if web else (),
        PageLook(look.accent, folder / look.logo if look.logo else None, look.footer),
    )
