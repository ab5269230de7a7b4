"""What the settings describe, made: the directory with its sources, the policy, the texts, what is told of this place.
Nothing here is opened or started; application.py puts it together."""

from pathlib import Path
from typing import Any

from twisted.application.service import IService

from .config.loader import BadSettings, CannotStart, Problem
from .dependencies import PageLook, SiteInfo
from .directory.interfaces import Source
from .directory.names import HostNames
from .directory.person import Visibility
from .directory.privacy import Policy
from .directory.service import DirectoryService
from .directory.source_indexer import SourceIndexer
from .rendering import template_lint
from .rendering.render import Renderer
from .rendering.templates import BrokenTemplate, TemplateSet
from .settings import Settings
from .sources import custom
from .store import sqlite_store
from .store.in_memory_index import InMemoryIndex


def make_directory(settings: Settings, file: Path, store: sqlite_store.SQLiteStore, reactor: Any) -> DirectoryService:
    """The directory on *store* and the settings' other sources. Raises BadSettings."""
    sources: list[Source] = []
    mistakes = []
    for name, table in settings.sources.items():
        if table.class_ is None:
            continue
        try:
            sources.append(custom.load(name, table.class_, table.options, table.cache_ttl, file.parent))
        except custom.BadSource as bad:
            mistakes.append(Problem(str(file), f"sources.{name}.class", bad.found, bad.allowed))
    if mistakes:
        raise BadSettings(mistakes)
    directory = DirectoryService(store, sources, make_policy(settings), reactor)
    for source in sources:
        if IService.providedBy(source):
            source.setServiceParent(directory)
    return directory


def make_source_indexers(directory: DirectoryService, reactor: Any) -> None:
    """Lists, searches and full names in *directory* find the people of its other sources, from its start on."""
    for source in directory.sources:
        index = InMemoryIndex(reactor)
        directory.add_index(source, index)
        SourceIndexer(source, index, reactor).setServiceParent(directory)


def make_policy(settings: Settings) -> Policy:
    """What the settings say of who may see what."""
    levels = [
        {field: Visibility[level.upper()] for field, level in table.items()}
        for table in (settings.privacy.default, settings.privacy.limit)
    ]
    return Policy.preset(settings.privacy.preset, *levels)


def make_renderer(settings: Settings, folder: Path) -> Renderer:
    """Texts, the operator's own before ours. Raises CannotStart for a template that cannot be read."""
    texts = TemplateSet(folder / settings.site.templates if settings.site.templates else None)
    try:
        texts.check()
    except BrokenTemplate as broken:
        raise CannotStart(str(broken)) from None
    return Renderer(texts, make_site_info(settings, folder))


def check_templates(settings: Settings, folder: Path) -> tuple[list[str], list[tuple[str, str]], list[tuple[str, str]]]:
    """What trying the operator's own templates finds, for those that can be read: mistakes; templates that nobody asks for;
    and names that nobody gives. See text.unasked."""
    from .finger import template_check as of_finger
    from .web import template_check as of_web

    texts = TemplateSet(folder / settings.site.templates if settings.site.templates else None)
    Renderer(texts, make_site_info(settings, folder))
    return (
        [*of_finger.mistakes(texts), *of_web.mistakes(texts)],
        list(template_lint.unused_templates(texts)),
        list(template_lint.undefined_names(texts)),
    )


def make_site_info(settings: Settings, folder: Path) -> SiteInfo:
    """What the settings say of this place."""
    bot = settings.irc[0].nick if settings.irc else None
    look = settings.site.look
    return SiteInfo(
        settings.site.name,
        HostNames(settings.site.hosts),
        settings.site.url,
        settings.finger is not None,
        bot,
        bool(settings.site.members),
        settings.access_log.addresses,
        settings.access_log.retention,
        settings.web.fediverse if settings.web else None,
        settings.web.webfinger if settings.web else None,
        tuple(settings.web.security_contact) if settings.web else (),
        PageLook(look.accent, folder / look.logo if look.logo else None, look.footer),
    )
