"""Settings of a process: read from all sources, validated as a whole, kept a while, replaced only by good ones."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.config.core.environment import DotEnv, Environment, detect_environment, parse_dotenv, variables_source
from cex.config.core.files import Source, read_source, read_text
from cex.config.core.validation import Fault, InvalidSettings, dotted
from cex.config.loading import Explained, Loaded, PlainSections, Schema

if TYPE_CHECKING:
    import asyncio

    from cex.config.core.base_config import BaseConfig
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
    from cex.config.infrastructure.database_config import DatabaseConfig
    from cex.config.infrastructure.logging_config import LoggingConfig
    from cex.config.infrastructure.network_config import NetworkConfig

__all__ = ["DEFAULT_TTL_S", "ConfigManager"]

DEFAULT_TTL_S = 300.0
_NO_TYPES: Mapping[str, type[BaseExchangeConfig]] = {}
logger = logging.getLogger(__name__)


class ConfigManager:
    """Reads settings and hands them out.

    Sources, the weakest first: defaults, the file, ``.env`` beside it, the process's environment variables
    (``CEX__EXCHANGES__MEXC__PROFILE``), ``arguments``. Everything is validated together: either all of it is good, or
    one :class:`InvalidSettings` lists every fault.

    What was read stays in force for ``ttl`` seconds. Then the next use reads again: at once outside of an event loop;
    within one in the background, off the loop, while the old settings are still handed out. Settings with faults never
    replace good ones: the fault is logged and kept as :attr:`last_error`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        exchange_types: Mapping[str, type[BaseExchangeConfig]] = _NO_TYPES,
        sections: Mapping[str, type[BaseConfig]] | None = None,
        arguments: Mapping[str, object] | None = None,
        variables: Mapping[str, str] | None = None,
        dotenv: str | os.PathLike[str] | None = None,
        environment: Environment | None = None,
        ttl: float = DEFAULT_TTL_S,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Remember where to look; nothing is read yet.

        ``path`` is a TOML or YAML file, None for none. ``exchange_types`` maps exchange names to the types of their
        settings; ``cex.factory.ComponentRegistry.config_types`` is such a mapping of all that are installed.
        ``sections`` are further plain sections that the file may have. ``arguments`` are nested tables, or dotted
        names such as ``{"exchanges.mexc.profile": "custom"}``. ``variables`` stands in for ``os.environ``; ``dotenv``
        for the file ``.env`` beside ``path`` (in the working directory without one), and must exist when given.
        ``environment`` None asks ``CEX_ENVIRONMENT``.
        """
        self.path = None if path is None else Path(path)
        self.last_error: InvalidSettings | None = None
        self._exchange_types = exchange_types
        self._sections = PlainSections(sections)
        self._arguments = _arguments_source(arguments or {})
        self._variables = os.environ.copy if variables is None else dict(variables).copy
        self._dotenv = None if dotenv is None else Path(dotenv)
        self._environment = environment
        self._ttl_ns = round(ttl * NANOSECONDS)
        self._clock = clock
        self._loaded: Loaded | None = None
        self._exchanges: dict[str, BaseExchangeConfig] = {}
        self._expires_ns = 0
        self._reading: asyncio.Task[Loaded] | None = None

    def __repr__(self) -> str:
        return f"<ConfigManager {self.path or 'without a file'}>"

    def get_exchange_config(self, name: str) -> BaseExchangeConfig:
        """The settings of one exchange; its defaults where no source mentions it.

        Raises:
            ConfigurationException: the settings have faults and none were good before, or the exchange is not
                installed (the message names the command that installs it).
        """
        if self._clock.monotonic_ns() >= self._expires_ns:
            self._refreshed()
        config = self._exchanges.get(name)
        return self._unmentioned(name) if config is None else config

    def exchange_names(self) -> tuple[str, ...]:
        """The exchanges that the sources mention and do not switch off, in the order of the file."""
        return tuple(name for name, config in self._current().exchanges.items() if config.enabled)

    def section(self, name: str) -> BaseConfig:
        """The settings of a plain section, its defaults where no source mentions it."""
        if name not in self._sections:
            known = ", ".join(self._sections)
            raise InvalidSettings([Fault((name,), f"there is no such section; known: {known}")])
        return self._current().section(name)

    @property
    def network(self) -> NetworkConfig:
        """The network settings that hold where an exchange has none of its own."""
        return cast("NetworkConfig", self.section("network"))

    @property
    def logging(self) -> LoggingConfig:
        """What is logged and how."""
        return cast("LoggingConfig", self.section("logging"))

    @property
    def database(self) -> DatabaseConfig:
        """Where results will be kept."""
        return cast("DatabaseConfig", self.section("database"))

    @property
    def environment(self) -> Environment:
        """Development, test or production."""
        return self._current().environment

    def explain(self) -> list[Explained]:
        """Every setting in force with where it came from, secrets masked."""
        return list(self._current().explain())

    def load(self) -> None:
        """Read everything now, whatever the age of what is in force.

        Raises:
            InvalidSettings: lists every fault; what was in force before stays in force.
        """
        loaded = self._read()
        if loaded.faults:
            raise self._invalid(loaded)
        self._settle(loaded)

    async def reload(self) -> bool:
        """Read everything anew without blocking the event loop; True when the new settings are in force.

        False when they have faults and the ones before stay in force; :attr:`last_error` then lists the faults.

        Raises:
            InvalidSettings: there are faults, and there were no good settings before.
        """
        import asyncio

        loaded = await asyncio.shield(self._read_in_background())
        if loaded.faults and self._loaded is None:
            raise self._invalid(loaded)
        return not loaded.faults

    async def aclose(self) -> None:
        """Wait for a reading that is under way."""
        if self._reading is not None and not self._reading.done():
            import asyncio

            await asyncio.wait([self._reading])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _current(self) -> Loaded:
        if self._loaded is None or self._clock.monotonic_ns() >= self._expires_ns:
            return self._refreshed()
        return self._loaded

    def _refreshed(self) -> Loaded:
        if self._loaded is None:
            self.load()
        elif _in_event_loop():
            self._read_in_background()
        else:
            self._settle(self._read())
        assert self._loaded is not None  # load() has raised otherwise
        return self._loaded

    def _read_in_background(self) -> asyncio.Task[Loaded]:
        if self._reading is None or self._reading.done():
            import asyncio

            self._reading = asyncio.get_running_loop().create_task(self._read_off_loop(), name="cex.config.reload")
            self._reading.add_done_callback(_log_failure)
        return self._reading

    async def _read_off_loop(self) -> Loaded:
        import asyncio

        loaded = await asyncio.to_thread(self._read)
        self._settle(loaded)
        return loaded

    def _settle(self, loaded: Loaded) -> None:
        """Put good settings in force; with faulty ones, keep what there is and say so."""
        if not loaded.faults:
            self._loaded = loaded
            self._exchanges = loaded.exchanges
            self.last_error = None
        elif self._loaded is not None:
            self.last_error = self._invalid(loaded)
            logger.error(
                "the settings were not replaced, the ones before stay in force: %s",
                self.last_error,
                extra={"path": str(self.path), "faults": len(loaded.faults)},
            )
        self._expires_ns = self._clock.monotonic_ns() + self._ttl_ns

    def _invalid(self, loaded: Loaded) -> InvalidSettings:
        return InvalidSettings(loaded.faults, subject=str(self.path or "the settings"))

    def _unmentioned(self, name: str) -> BaseExchangeConfig:
        """An exchange that no source mentions: its defaults, kept with the others."""
        config, faults = self._current().unmentioned(name)
        if config is None:
            raise InvalidSettings(faults)
        return config

    def _read(self) -> Loaded:
        """Read and validate every source; runs in a thread as well, so it changes nothing of this object."""
        schema = Schema(self._sections, self._exchange_types)
        process = self._variables()
        dotenv, faults = self._read_dotenv()
        variables = {**dotenv.values, **process}
        environment = self._environment
        if environment is None:
            environment, more = detect_environment(variables)
            faults += more
        sources = []
        if self.path is not None:
            source, more = read_source(self.path)
            faults += more
            if more and not source.tree:
                # Nothing of the file could be read: what it would have completed must not be reported as missing.
                return Loaded(Schema(PlainSections(), {}), [], variables, environment, faults)
            sources.append(source)
        places = {name: f"{self._dotenv_path()}:{line}" for name, line in dotenv.lines.items()}
        for source, more in (
            variables_source("dotenv", dotenv.values, places),
            variables_source("environment", process),
        ):
            sources.append(source)
            faults += more
        sources.append(self._arguments)
        return Loaded(schema, sources, variables, environment, faults)

    def _dotenv_path(self) -> Path:
        return self._dotenv or (self.path.parent if self.path else Path()) / ".env"

    def _read_dotenv(self) -> tuple[DotEnv, list[Fault]]:
        path = self._dotenv_path()
        if self._dotenv is None and not path.is_file():
            return DotEnv({}, {}, []), []
        text, faults = read_text(path)
        dotenv = parse_dotenv(text, str(path))
        return dotenv, faults + dotenv.faults


def _arguments_source(arguments: Mapping[str, object]) -> Source:
    tree: dict[str, object] = {}
    for name, value in arguments.items():
        *sections, last = name.split(".")
        here = tree
        for step in sections:
            branch = here.get(step)
            here[step] = here = dict(branch) if isinstance(branch, dict) else {}
        here[last] = value
    return Source("arguments", tree, lambda path: f"argument {dotted(path)}")


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")  # not loaded: nothing runs, and this module does not load it to find out
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _log_failure(reading: asyncio.Task[Loaded]) -> None:
    if not reading.cancelled() and (error := reading.exception()) is not None:
        logger.error("reading the settings failed; the ones before stay in force", exc_info=error)
