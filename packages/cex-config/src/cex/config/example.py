"""A settings file to begin with: every setting, what it means, and its default."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from cex.config.loading import PlainSections

if TYPE_CHECKING:
    from cex.config.core.base_config import BaseConfig
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig

__all__ = ["example_file"]

_HEAD = """\
# Settings of cex. Every value that stands here is the default: keep what you change.
#
# Stronger than this file are, in this order: a file .env beside it, environment variables, command-line arguments.
# A variable is named after its setting: CEX__EXCHANGES__MEXC__PROFILE, CEX__NETWORK__READ_TIMEOUT.
# Any text may refer to variables: ${NAME}, or ${NAME:default}; write $${ for a literal ${.
# CEX_ENVIRONMENT is development, test or production; production refuses secrets that stand here as plain text.
"""


def example_file(
    exchange_types: Mapping[str, type[BaseExchangeConfig]], sections: Mapping[str, type[BaseConfig]] | None = None
) -> str:
    """A TOML file with all settings of these exchanges and sections, commented; it validates as it is."""
    lines = [_HEAD]
    for name, section in PlainSections(sections).items():
        lines += [f"[{name}]", *_settings(section, section.model_fields), ""]
    for name, exchange in exchange_types.items():
        lines += [f"[exchanges.{name}]", *_exchange(name, exchange), ""]
    return "\n".join(lines)


def _settings(config_type: type[BaseConfig], names: Iterable[str]) -> Iterator[str]:
    defaults = config_type().model_dump(mode="json")
    for name in names:
        yield f"# {config_type.model_fields[name].description or name}"
        value = defaults[name]
        if value is None or value == {}:
            yield f"# {name} = " + ("{}" if value == {} else '""')
        else:
            yield f"{name} = {json.dumps(value)}"


def _exchange(name: str, config_type: type[BaseExchangeConfig]) -> Iterator[str]:
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig

    own = [field for field in config_type.model_fields if field not in BaseExchangeConfig.model_fields]
    yield from _settings(config_type, ["enabled"])
    yield f"# which set of addresses: {', '.join((*config_type.profiles, 'custom'))}"
    yield f"profile = {json.dumps(config_type().profile)}"
    yield from _settings(config_type, own)
    yield "# other addresses; with profile custom, all of them"
    for endpoint in config_type.endpoint_names():
        yield f"# endpoints.{endpoint} = {json.dumps(_published(config_type, endpoint))}"
    yield "# API keys by label; 'default' is used where none is named"
    yield f'# accounts.default.api_key = "${{{name.upper()}_API_KEY}}"'
    yield f'# accounts.default.secret_key = "${{{name.upper()}_SECRET_KEY}}"'
    yield "# settings of [network], for this exchange alone"
    yield "# network.read_timeout = 5.0"


def _published(config_type: type[BaseExchangeConfig], endpoint: str) -> str:
    return next(addresses[endpoint] for addresses in config_type.profiles.values() if endpoint in addresses)
