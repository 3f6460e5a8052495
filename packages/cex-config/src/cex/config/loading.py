"""From sources to settings: merge by precedence, resolve references, validate every section, gather every fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cex.common.exceptions import ConfigurationException
from cex.common.redaction import MASK, is_sensitive, redact
from cex.config.core.environment import Environment, is_plain_text, referenced_names, resolve_references
from cex.config.core.files import Source, leaves
from cex.config.core.validation import (
    Fault,
    Path,
    faults_of,
    is_secret,
    nearest,
    not_installed,
    setting_type,
)

if TYPE_CHECKING:
    from cex.config.core.base_config import BaseConfig
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig

__all__ = ["Explained", "Loaded", "PlainSections", "Schema"]

_EXCHANGES = "exchanges"
_NETWORK = "network"
_SECURITY = "security"
AnyConfig = TypeVar("AnyConfig", bound="BaseConfig")


class Schema(NamedTuple):
    """Which settings there may be: the plain sections by name, and those of the exchanges by exchange.

    Both may load a type only when it is looked up; for an exchange that may raise ``ConfigurationException``.
    """

    sections: PlainSections
    exchanges: Mapping[str, type[BaseExchangeConfig]]


class PlainSections(Mapping[str, "type[BaseConfig]"]):
    """The sections that every file may have, and ``more``; the type of one is imported when it is looked up."""

    _OWN = MappingProxyType(
        {
            _NETWORK: "network_config:NetworkConfig",
            "logging": "logging_config:LoggingConfig",
            "database": "database_config:DatabaseConfig",
            _SECURITY: "security_config:SecurityConfig",
        }
    )

    def __init__(self, more: Mapping[str, type[BaseConfig]] | None = None) -> None:
        self.more = dict(more or {})

    def __getitem__(self, name: str) -> type[BaseConfig]:
        if name in self.more:
            return self.more[name]
        module, _, type_name = self._OWN[name].partition(":")
        config_type: type[BaseConfig] = getattr(import_module(f"cex.config.infrastructure.{module}"), type_name)
        return config_type

    def __iter__(self) -> Iterator[str]:
        return iter({**self._OWN, **self.more})

    def __len__(self) -> int:
        return len({**self._OWN, **self.more})


class Explained(NamedTuple):
    """One setting in force: its path, its value (secrets masked), where it came from, and what it means."""

    path: Path
    value: str
    origin: str
    meaning: str


class Loaded:
    """What one reading of all sources gave. The settings count only while ``faults`` is empty; prints without values.

    ``sources`` stand in the order of precedence, the weakest first.
    """

    def __init__(
        self,
        schema: Schema,
        sources: Sequence[Source],
        variables: Mapping[str, str],
        environment: Environment,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.schema = schema
        self.sources = sources
        self.environment = environment
        self.faults = list(faults)
        self._faulty = {(fault.path, fault.place) for fault in faults}
        self.sections: dict[str, BaseConfig] = {}
        self.exchanges: dict[str, BaseExchangeConfig] = {}
        self._tree = self._merged(variables)
        self._load_sections()
        self._load_exchanges()
        self._check_plain_text()
        self.faults.sort(key=_by_line)

    def __repr__(self) -> str:
        return f"<Loaded {self.environment}: {len(self.sources)} sources, {len(self.faults)} faults>"

    def section(self, name: str) -> BaseConfig:
        """The settings of a plain section, its defaults where no source mentions it; KeyError for an unknown name."""
        if name not in self.sections:
            self.sections[name] = self.schema.sections[name]()
        return self.sections[name]

    def unmentioned(self, name: str) -> tuple[BaseExchangeConfig | None, list[Fault]]:
        """The settings of an exchange that no source mentions, kept with the others; or what is wrong with asking."""
        before = len(self.faults)
        self._load_exchange(name)
        faults = self.faults[before:]
        del self.faults[before:]
        self._faulty.difference_update((fault.path, fault.place) for fault in faults)
        return self.exchanges.get(name), [fault._replace(place="") for fault in faults]

    def explain(self) -> Iterator[Explained]:
        """Every setting in force, section by section."""
        for name in self.schema.sections:
            yield from self._explain(self.section(name), (name,))
        for name, exchange in self.exchanges.items():
            yield from self._explain(exchange, (_EXCHANGES, name))

    def _merged(self, variables: Mapping[str, str]) -> dict[str, object]:
        tree: dict[str, object] = {}
        for source in self.sources:
            contribution = source.tree
            if source.kind == "file":
                resolved = resolve_references(source.tree, variables)
                contribution = resolved.tree
                for fault in resolved.faults:
                    if self._source(fault.path) is source:
                        self._fault(fault.path, fault.problem)
            tree = _merge(tree, contribution)
        return tree

    def _load_sections(self) -> None:
        known = (*self.schema.sections, _EXCHANGES)
        # Our own sections have defaults for everything: one that nothing mentions is built when somebody asks for it.
        for name in dict.fromkeys((*self._tree, *self.schema.sections.more)):
            if name in self.schema.sections:
                config = self._validated(self.schema.sections[name], (name,), self._tree.get(name, {}))
                if config is not None:
                    self.sections[name] = config
            elif name != _EXCHANGES:
                self._fault((name,), f"unknown section; known: {', '.join(known)}{nearest(name, known)}")

    def _load_exchanges(self) -> None:
        tables = self._tree.get(_EXCHANGES, {})
        if not isinstance(tables, dict):
            self._fault((_EXCHANGES,), "expected a table for each exchange, by its name")
            return
        for name, table in tables.items():
            switched_off = isinstance(table, dict) and str(table.get("enabled")).lower() == "false"
            if not (switched_off and name not in self.schema.exchanges):
                self._load_exchange(name)

    def _load_exchange(self, name: str) -> None:
        config_type = self._exchange_type(name)
        if config_type is not None:
            config = self._validated(config_type, (_EXCHANGES, name), self._exchange_table(name))
            if config is not None:
                self.exchanges[name] = config

    def _exchange_type(self, name: str) -> type[BaseExchangeConfig] | None:
        try:
            config_type = self.schema.exchanges.get(name)
        except ConfigurationException as error:
            self._fault((_EXCHANGES, name), error.message)
            return None
        if config_type is None:
            self._fault((_EXCHANGES, name), not_installed(name, self.schema.exchanges))
        return config_type

    def _exchange_table(self, name: str) -> object:
        """The exchange's own settings, with the common network settings where it has none of its own."""
        tables, common = self._tree.get(_EXCHANGES), self._tree.get(_NETWORK)
        table = tables.get(name, {}) if isinstance(tables, dict) else {}
        if isinstance(table, dict) and isinstance(common, dict):
            own = table.get(_NETWORK, {})
            return {**table, _NETWORK: {**common, **own} if isinstance(own, dict) else own}
        return table

    def _validated(self, config_type: type[AnyConfig], path: Path, table: object) -> AnyConfig | None:
        from pydantic import ValidationError

        try:
            return config_type.model_validate(table)
        except ValidationError as error:
            faults = faults_of(config_type, error, lambda inner: self._found((*path, *inner)))
        for fault in faults:
            full = (*path, *fault.path)
            # What is wrong in the common network section was noted there, and is no second fault in each exchange.
            common = self._inherits(full)
            if common is None or all(known.path != common for known in self.faults):
                self._fault(full, fault.problem)
        return None

    def _inherits(self, path: Path) -> Path | None:
        """The path in the common network section that gives an exchange's setting, where it has none of its own."""
        common = path[2:]
        if path[0] != _EXCHANGES or common[:1] != (_NETWORK,) or self._source(path) is not None:
            return None
        return common if self._source(common) is not None else None

    def _fault(self, path: Path, problem: str) -> None:
        """Note a fault, unless the value that stands there has one already."""
        place = self._place(path)
        if (path, place) not in self._faulty:
            self._faulty.add((path, place))
            self.faults.append(Fault(path, problem, place))

    def _place(self, path: Path) -> str:
        """Where ``path`` was set last, else the section around it; empty where no source says anything about it."""
        for length in range(len(path), 0, -1):
            source = self._source(path[:length])
            if source is not None:
                return source.place(path[:length]) or ""
        return ""

    def _source(self, path: Path) -> Source | None:
        """The source whose word on ``path`` counts."""
        return next((source for source in reversed(self.sources) if source.holds(path)), None)

    def _found(self, path: Path) -> object:
        """What stands in the source at ``path``, references unresolved."""
        source = self._source(path) or self._source(self._inherits(path) or path)
        return None if source is None else source.value(path)

    def _check_plain_text(self) -> None:
        security: Any = self.sections.get(_SECURITY)
        if self.environment is not Environment.PRODUCTION or (security and security.allow_plaintext_secrets):
            return
        for source in self.sources:
            if source.kind == "file":
                for path, value in leaves(source.tree):
                    if isinstance(value, str) and is_plain_text(value) and self._is_secret(path, value):
                        self._fault(
                            path,
                            "a secret as plain text is refused in production; write ${NAME} and set the variable, "
                            "or set security.allow_plaintext_secrets",
                        )

    def _is_secret(self, path: Path, value: str) -> bool:
        config_type: type[BaseConfig] | None = self.schema.sections.get(str(path[0]))
        inner = path[1:]
        if path[0] == _EXCHANGES and len(path) > 2 and path[1] in self.schema.exchanges:
            config_type, inner = self._exchange_type(str(path[1])), path[2:]
        if config_type is None or setting_type(config_type, inner) is None:
            return is_sensitive(str(path[-1]))
        from cex.config.infrastructure.network_config import ProxyUrl

        if setting_type(config_type, inner) is ProxyUrl:
            return "@" in value
        return is_secret(config_type, inner)

    def _explain(self, config: BaseConfig, path: Path) -> Iterator[Explained]:
        for name, setting in type(config).model_fields.items():
            yield from self._explain_value(getattr(config, name), (*path, name), setting.description or "")

    def _explain_value(self, value: object, path: Path, meaning: str) -> Iterator[Explained]:
        if hasattr(value, "model_fields_set"):
            yield from self._explain(value, path)  # type: ignore[arg-type]
        elif isinstance(value, dict) and value:
            for name, item in value.items():
                yield from self._explain_value(item, (*path, name), meaning)
        else:
            yield Explained(path, _masked(value), self._origin(path), meaning)

    def _origin(self, path: Path) -> str:
        given = path if self._source(path) else self._inherits(path)
        source = self._source(given) if given else None
        if source is None or given is None:
            return "default"
        origin = source.place(given) or source.kind
        raw = source.value(given)
        names = referenced_names(raw) if source.kind == "file" and isinstance(raw, str) else []
        return f"{origin} from {', '.join(names)}" if names else origin


def _merge(weaker: Mapping[str, object], stronger: Mapping[str, object]) -> dict[str, object]:
    merged = dict(weaker)
    for name, value in stronger.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _by_line(fault: Fault) -> tuple[str, int]:
    name, separator, line = fault.place.rpartition(":")
    return (name, int(line)) if separator and line.isdecimal() else (fault.place, 0)


def _masked(value: object) -> str:
    if value is None or value == "" or value == {}:
        return "-"
    if hasattr(value, "get_secret_value"):
        text = str(value)
        return MASK if set(text) <= {"*"} else text
    if isinstance(value, bool):
        return str(value).lower()
    return redact(str(value))
