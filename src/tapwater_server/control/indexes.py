"""The environment dependencies are built in: uv's own variables, and what pip was told here.

uv does not read pip's settings. On machines whose package index is written down for pip, uv is
told the same, unless it was told something itself.
"""

import configparser
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"}
)
_PROXIES = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy"})
_PIP_TO_UV: Mapping[str, str] = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
_TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "extra-index-url": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "find-links": ("UV_FIND_LINKS",),
    "cert": ("SSL_CERT_FILE",),
}


def build_environment(variables: Mapping[str, str], home: Path) -> dict[str, str]:
    """Keep of an environment what a build needs, and nothing that is the platform's own."""
    kept = {
        name: value
        for name, value in variables.items()
        if name in _KEPT or name.lower() in _PROXIES or name.startswith("UV_")
    }
    told = {**_from_files(pip_files(variables, home)), **_from_variables(variables)}
    for key, value in told.items():
        if not any(name in kept for name in _TOLD_BY[key]):
            kept[_PIP_TO_UV[key]] = _list(key, value)
    if "UV_INDEX" in kept:
        # pip looks into all its indexes; uv would stop at the first that has the name.
        kept.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return kept


def pip_files(variables: Mapping[str, str], home: Path) -> list[Path]:
    """Where pip's settings are, the weakest first (pip's documentation, "Configuration")."""
    config = Path(variables.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    chosen = variables.get("PIP_CONFIG_FILE")
    return [*files, Path(chosen)] if chosen else files


def _from_files(files: Iterable[Path]) -> dict[str, str]:
    told: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, "utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself will complain of it, when somebody uses pip.
        for section in ("global", "install"):
            for key in _PIP_TO_UV:
                if parser.has_option(section, key):
                    told[key] = parser.get(section, key)
    return told


def _from_variables(variables: Mapping[str, str]) -> dict[str, str]:
    names = {key: f"PIP_{key.upper().replace('-', '_')}" for key in _PIP_TO_UV}
    return {key: variables[name] for key, name in names.items() if variables.get(name)}


def _list(key: str, value: str) -> str:
    """Write a list as uv reads it: by spaces, the places to find links in by commas."""
    parts = shlex.split(value)
    return ",".join(parts) if key == "find-links" else " ".join(parts)
