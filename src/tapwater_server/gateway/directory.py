"""Which app, alias and revision a host name means: compiled from the registry when it changes.

``<app>.<domain>`` is the app's ``live`` alias, ``<alias>--<app>.<domain>`` another alias,
``r<number>--<app>.<domain>`` one revision. Hosts that a live revision names are its app's. Every
other name is the bare host: the default app, and the platform's own pages under ``/_/``. Each of
an app's hosts has its services under ``/_/v1/``. Names that another cloud's clients use
(``photos.s3.localhost``) are that cloud's, but an app's own name goes first.
"""

import re
from collections.abc import Callable, Sequence

from tapwater_server.gateway.errors import Refusal
from tapwater_server.gateway.site import Compiled, Public, Site
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.registry import Registry

Owns = Callable[[str], bool]

LIVE = "live"
NAMES_MAX = 1024  # Host names remembered; more than that is somebody trying names.
_HOST = re.compile(rb"[A-Za-z0-9_.-]{1,253}(:[0-9]{0,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{0,5})?")
_PORT = re.compile(rb":[0-9]*$")
_ADDRESS = re.compile(r"\[.*\]|(.*\.)?[0-9]+")  # No name's last label is a number.
_PREVIEW = re.compile(r"r([1-9][0-9]{0,8})")


class Directory:
    """Host names to sites. Answers from memory; looks again only after the registry has changed."""

    def __init__(
        self,
        *,
        registry: Registry,
        ids: IdSource,
        public: Public,
        domains: Sequence[str],
        dashboard: Sequence[str] = (),
        owns: Owns | None = None,
    ) -> None:
        self._registry, self._ids, self._public = registry, ids, public
        self._suffixes = tuple("." + domain for domain in domains)
        self._dashboard = frozenset(dashboard)
        self._owns = owns  # another cloud's names; None: there is no other cloud
        self._sites: dict[bytes, Site] = {}
        self._compiled: dict[tuple[AppId, RevisionId], Compiled] = {}
        registry.watch(self._changed)

    def site(self, host: bytes) -> Site:
        """Find what a Host header's value leads to.

        Raises:
            Refusal: it is no host name, or an app's that is not there.
        """
        found = self._sites.get(host)
        if found is None:
            found = self._find(_name(host))
            if len(self._sites) >= NAMES_MAX:
                self._sites.clear()
            self._sites[host] = found
        return found

    def _changed(self, app: AppId) -> None:
        """Forget what was known; revisions that are still there keep their compiled form."""
        self._sites.clear()
        kept = {revision.id for revision in self._registry.revisions(app)}
        for key in [key for key in self._compiled if key[0] == app and key[1] not in kept]:
            del self._compiled[key]

    def _find(self, name: str) -> Site:
        if name in self._dashboard:
            # No function answers here: its pages could act for who is signed in there.
            return Site(AppId(""), [], bare=True, ids=self._ids)
        owned = self._owns is not None and self._owns(name)
        for suffix in self._suffixes:
            if name.endswith(suffix):
                return self._labelled(name.removesuffix(suffix), owned=owned)
        if owned:
            return self._owned()
        custom = self._custom(name)
        if custom is not None:
            return self._alias_site(custom, LIVE, bare=False)
        default, shared = self._registry.default_app(), self._owns is not None
        if default is None:
            return Site(AppId(""), [], bare=True, ids=self._ids, shared=shared)
        return self._alias_site(default, LIVE, bare=True, shared=shared)

    def _owned(self) -> Site:
        return Site(AppId(""), [], bare=False, ids=self._ids, shared=True, owned=True)

    def _labelled(self, label: str, *, owned: bool) -> Site:
        """Read ``app``, ``alias--app`` or ``r3--app``. An app's own name goes first."""
        known = self._registry.apps()
        if label in known:
            return self._alias_site(AppId(label), LIVE, bare=False, shared=owned)
        if owned:
            return self._owned()
        alias, dashes, app = label.partition("--")
        if not dashes or app not in known:
            raise Refusal("not_found", f"There is no app {label!r} here.")
        preview = _PREVIEW.fullmatch(alias)
        if preview is None:
            return self._alias_site(AppId(app), alias, bare=False)
        for revision in self._registry.revisions(AppId(app)):
            if revision.number == int(preview[1]):
                shares = [(self._compile(revision), 100)]
                return Site(AppId(app), shares, bare=False, ids=self._ids)
        raise Refusal("not_found", f"App {app!r} has no revision {preview[1]}.")

    def _custom(self, name: str) -> AppId | None:
        """Find whose own host this is. Our own names and addresses are nobody's: the control API
        listens there, and who answers instead would be sent its tokens.
        """
        if "." + name in self._suffixes or _ADDRESS.fullmatch(name):
            return None
        for app in self._registry.apps():
            alias = self._alias(app, LIVE)
            for revision in [] if alias is None else self._weighted(alias):
                if name in revision.hosts:
                    return app
        return None

    def _alias_site(self, app: AppId, name: str, *, bare: bool, shared: bool = False) -> Site:
        alias = self._alias(app, name)
        if alias is None:
            if name == LIVE:
                return Site(app, [], bare=bare, ids=self._ids, shared=shared)
            raise Refusal("not_found", f"App {app!r} has no alias {name!r}.")
        shares = [(self._compile(r), alias.weights[r.id]) for r in self._weighted(alias)]
        return Site(app, shares, bare=bare, ids=self._ids, shared=shared)

    def _alias(self, app: AppId, name: str) -> Alias | None:
        return next((a for a in self._registry.aliases(app) if a.name == name), None)

    def _weighted(self, alias: Alias) -> list[Revision]:
        found = [self._registry.revision(alias.app, id) for id in alias.weights]
        return [revision for revision in found if revision is not None]

    def _compile(self, revision: Revision) -> Compiled:
        key = (revision.app, revision.id)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = Compiled(revision, public=self._public(revision))
            self._compiled[key] = compiled
        return compiled


def _name(host: bytes) -> str:
    """Give a Host header's name in lower case, without port and final dot."""
    if host and not _HOST.fullmatch(host):
        raise Refusal("host", "The Host header is not a host name.")
    return _PORT.sub(b"", host).decode().lower().rstrip(".")
