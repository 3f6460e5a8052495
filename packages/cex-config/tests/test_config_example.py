from __future__ import annotations

import re
from collections.abc import Callable

from cex.config import BaseConfig, BaseExchangeConfig, ConfigManager
from cex.config.example import example_file

Manager = Callable[..., ConfigManager]


class RiskConfig(BaseConfig):
    largest: int = 1


def test_the_example_validates_and_is_all_defaults(manager: Manager, venue_type: type[BaseExchangeConfig]) -> None:
    text = example_file({"venue": venue_type}, {"risk": RiskConfig})
    settings = manager(text, sections={"risk": RiskConfig})
    assert settings.get_exchange_config("venue") == venue_type()
    assert settings.section("risk") == RiskConfig()
    assert settings.exchange_names() == ("venue",)


def test_every_setting_stands_in_the_example(venue_type: type[BaseExchangeConfig]) -> None:
    text = example_file({"venue": venue_type})
    for name in ("connect_timeout", "proxy", "level", "url", "allow_plaintext_secrets", "enabled", "profile", "depth"):
        assert re.search(rf"^(# )?{name} = ", text, re.MULTILINE), name


def test_what_is_commented_out_validates_too(manager: Manager, venue_type: type[BaseExchangeConfig]) -> None:
    text = example_file({"venue": venue_type})
    assert '# accounts.default.api_key = "${VENUE_API_KEY}"' in text
    active = re.sub(r"^# (?=[a-z_.]+ = )", "", text, flags=re.MULTILINE)
    settings = manager(active, variables={"VENUE_API_KEY": "k", "VENUE_SECRET_KEY": "s"})
    config = settings.get_exchange_config("venue")
    assert config.endpoints == dict(venue_type.profiles["live"])
    assert config.account().credentials()[0].reveal() == "k"
    assert config.network.read_timeout == 5.0
