from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cex.common.clock import ManualClock
from cex.common.exceptions import ConfigurationException
from cex.config import BaseConfig, BaseExchangeConfig, ConfigManager, Environment, InvalidSettings, NetworkConfig

Manager = Callable[..., ConfigManager]

GOOD = """
[exchanges.venue]
depth = 20
"""

TEN_FAULTS = """\
netwrk:
  read_timeout: 3
network:
  read_timeout: fast
  retry_attempts: 99
exchanges:
  venue:
    profle: live
    enabled: perhaps
    depth: 5
    depth: 6
    endpoints:
      steam: wss://x
      rest: ftp://x
    accounts:
      default:
        api_key: ${CEX_TEST_UNSET}
        secret_key: ${CEX_TEST_SECRET}
  vneue: {}
"""


def test_ten_planted_faults_are_one_error_that_names_all_ten(manager: Manager, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        manager(TEN_FAULTS, name="cex.yaml", variables={"CEX_TEST_SECRET": "s"}).load()
    file = tmp_path / "cex.yaml"
    expected = {
        (
            "netwrk",
            1,
            "unknown section; known: network, logging, database, security, exchanges; did you mean 'network'?",
        ),
        ("network.read_timeout", 4, "expected a valid number, unable to parse string as a number; found 'fast'"),
        ("network.retry_attempts", 5, "expected less than or equal to 20; found 99"),
        (
            "exchanges.venue.profle",
            8,
            "unknown name; known here: enabled, profile, endpoints, accounts, network, depth; did you mean 'profile'?",
        ),
        ("exchanges.venue.enabled", 9, "expected a valid boolean, unable to interpret input; found 'perhaps'"),
        ("exchanges.venue.depth", 11, "stands twice, first in line 10"),
        (
            "exchanges.venue.endpoints.steam",
            13,
            "there is no such endpoint; known: rest, stream; did you mean 'stream'?",
        ),
        (
            "exchanges.venue.endpoints.rest",
            14,
            "expected a REST address, http://host or https://host, without user name or blanks; found 'ftp://x'",
        ),
        (
            "exchanges.venue.accounts.default.api_key",
            17,
            "variable CEX_TEST_UNSET is not set, and the reference gives no default (${NAME:default})",
        ),
        (
            "exchanges.vneue",
            19,
            "no exchange of that name is installed (installed: venue); did you mean 'venue'?",
        ),
    }
    assert {str(fault) for fault in caught.value.faults} == {
        f"{path} ({file}:{line}) - {told}" for path, line, told in expected
    }
    lines = caught.value.message.splitlines()
    assert lines[0] == f"10 faults in {file}:"
    assert len(lines) == 11


def test_the_same_faults_in_toml(manager: Manager, tmp_path: Path) -> None:
    text = """
    netwrk = 1
    [network]
    read_timeout = "fast"
    [exchanges.venue]
    profle = "live"
    accounts.Main.api_key = "x"
    accounts.Main.secret_key = 5
    [exchanges.binance]
    """
    with pytest.raises(InvalidSettings) as caught:
        manager(text).load()
    assert [fault.place.rpartition(":")[2] for fault in caught.value.faults] == ["2", "4", "6", "7", "8", "9"]
    assert "pip install cex-exchanges-binance" in str(caught.value)


def test_precedence(manager: Manager, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "CEX__NETWORK__READ_TIMEOUT=3\nCEX__NETWORK__TOTAL_TIMEOUT=3\nCEX__NETWORK__RETRY_FIRST=3"
    )
    settings = manager(
        "[network]\nconnect_timeout = 2\nread_timeout = 2\ntotal_timeout = 2\nretry_first = 2",
        variables={"CEX__NETWORK__TOTAL_TIMEOUT": "4", "CEX__NETWORK__RETRY_FIRST": "4"},
        arguments={"network.retry_first": 5},
    )
    network = settings.network
    assert network.subscribe_timeout == NetworkConfig().subscribe_timeout
    assert network.connect_timeout == 2
    assert network.read_timeout == 3
    assert network.total_timeout == 4
    assert network.retry_first == 5


def test_every_setting_tells_where_it_came_from(manager: Manager, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# keys\nCEX__NETWORK__READ_TIMEOUT=3\nVENUE_KEY=canary-key")
    settings = manager(
        """
        [network]
        connect_timeout = 2
        [exchanges.venue]
        network.proxy = "http://me:${PASSWORD}@proxy:1"
        accounts.default.api_key = "${VENUE_KEY}"
        accounts.default.secret_key = "${OTHER:canary}"
        """,
        variables={"CEX__EXCHANGES__VENUE__DEPTH": "9", "PASSWORD": "canary"},
        arguments={"exchanges.venue.profile": "testnet"},
    )
    explained = {".".join(map(str, item.path)): (item.value, item.origin) for item in settings.explain()}
    file = tmp_path / "cex.toml"
    assert explained["network.connect_timeout"] == ("2.0", f"{file}:3")
    assert explained["network.read_timeout"] == ("3.0", f"{tmp_path / '.env'}:2")
    assert explained["network.total_timeout"] == ("15.0", "default")
    assert explained["exchanges.venue.network.connect_timeout"] == ("2.0", f"{file}:3")
    assert explained["exchanges.venue.network.proxy"] == ("http://me:***@proxy:1", f"{file}:5 from PASSWORD")
    assert explained["exchanges.venue.depth"] == ("9", "variable CEX__EXCHANGES__VENUE__DEPTH")
    assert explained["exchanges.venue.profile"] == ("testnet", "argument exchanges.venue.profile")
    assert explained["exchanges.venue.accounts.default.api_key"] == ("***", f"{file}:6 from VENUE_KEY")
    assert explained["exchanges.venue.accounts.default.secret_key"] == ("***", f"{file}:7 from OTHER")
    assert explained["exchanges.venue.endpoints"] == ("-", "default")
    assert explained["logging.level"] == ("WARNING", "default")
    assert "canary" not in repr(settings.explain())
    assert {item.meaning for item in settings.explain() if item.path == ("exchanges", "venue", "depth")} == {
        "levels a side"
    }


def test_an_exchange_that_nothing_mentions_has_its_defaults_and_the_common_network(manager: Manager) -> None:
    settings = manager("[network]\nread_timeout = 3")
    config = settings.get_exchange_config("venue")
    assert config.network.read_timeout == 3
    assert config.profile == "live"
    assert settings.get_exchange_config("venue") is config


def test_an_exchange_keeps_its_own_network_settings(manager: Manager) -> None:
    settings = manager("[network]\nread_timeout = 3\nproxy='http://h:1'\n[exchanges.venue.network]\nread_timeout = 4")
    network = settings.get_exchange_config("venue").network
    assert network.read_timeout == 4
    assert network.proxy is not None


def test_a_fault_in_the_common_network_settings_is_reported_once(manager: Manager) -> None:
    with pytest.raises(InvalidSettings) as caught:
        manager("[network]\nread_timeout = -1\nsped = 3\n[exchanges.venue]\nnetwork.total_timeout = -1").load()
    assert sorted(".".join(map(str, fault.path)) for fault in caught.value.faults) == [
        "exchanges.venue.network.total_timeout",
        "network.read_timeout",
        "network.sped",
    ]


def test_a_contradiction_with_the_common_network_settings_is_the_exchanges_fault(manager: Manager) -> None:
    with pytest.raises(InvalidSettings) as caught:
        manager("[network]\nretry_most = 5\n[exchanges.venue]\nnetwork.retry_first = 9").load()
    (fault,) = caught.value.faults
    assert fault.path == ("exchanges", "venue", "network", "retry_most")
    assert fault.place.endswith(":4")
    assert "at least retry_first, which is 9" in fault.problem


def test_an_exchange_that_is_not_installed_names_the_command(manager: Manager) -> None:
    settings = manager(GOOD)
    for _ in range(2):
        with pytest.raises(ConfigurationException, match="pip install cex-exchanges-mexc"):
            settings.get_exchange_config("mexc")
    assert settings.get_exchange_config("venue").profile == "live"
    assert settings.last_error is None


def test_an_exchange_that_is_switched_off_need_not_be_installed(manager: Manager) -> None:
    settings = manager("[exchanges.kraken]\nenabled = false\nanything = 1\n[exchanges.venue]\nenabled = false")
    assert settings.exchange_names() == ()
    assert settings.get_exchange_config("venue").enabled is False


def test_the_names_of_the_configured_exchanges(manager: Manager) -> None:
    assert manager(GOOD).exchange_names() == ("venue",)
    assert manager().exchange_names() == ()


def test_a_broken_plug_in_is_a_fault_among_the_others(manager: Manager, venue_type: type[BaseExchangeConfig]) -> None:
    class Types(Mapping[str, type[BaseExchangeConfig]]):
        def __getitem__(self, name: str) -> type[BaseExchangeConfig]:
            if name == "broken":
                raise ConfigurationException("the exchange 'broken' of broken-dist 1.0 cannot be used")
            if name == "venue":
                return venue_type
            raise KeyError(name)

        def __iter__(self) -> Iterator[str]:
            return iter(("venue", "broken"))

        def __len__(self) -> int:
            return 2

    with pytest.raises(InvalidSettings) as caught:
        manager("[exchanges.broken]\nx = 1\n[exchanges.venue]\ndepth = 0", exchange_types=Types()).load()
    assert [fault.path for fault in caught.value.faults] == [("exchanges", "broken"), ("exchanges", "venue", "depth")]
    assert "broken-dist 1.0" in str(caught.value)


def test_further_sections(manager: Manager) -> None:
    class RiskConfig(BaseConfig):
        largest: int = 1

    settings = manager("[risk]\nlargest = 5", sections={"risk": RiskConfig})
    assert settings.section("risk") == RiskConfig(largest=5)
    with pytest.raises(ConfigurationException, match="there is no such section"):
        settings.section("rsk")


def test_a_further_section_may_have_settings_without_a_default(manager: Manager) -> None:
    class RiskConfig(BaseConfig):
        largest: int

    with pytest.raises(InvalidSettings, match=r"risk\.largest - missing"):
        manager("", sections={"risk": RiskConfig}).load()
    with pytest.raises(InvalidSettings) as caught:
        manager("[nonsense", sections={"risk": RiskConfig}).load()
    assert len(caught.value.faults) == 1


def test_plain_sections(manager: Manager) -> None:
    settings = manager("[logging]\nlevel = 'INFO'\n[database]\nconnections = 7")
    assert settings.logging.level == "INFO"
    assert settings.database.connections == 7
    assert settings.environment is Environment.DEVELOPMENT


@pytest.mark.parametrize(
    "text",
    [
        "exchanges = 3",
        "network = 3",
        "[exchanges]\nvenue = 3",
        "[exchanges.venue]\nnetwork = 3",
        "[exchanges.venue]\naccounts = 3",
    ],
)
def test_a_section_that_is_no_table_is_a_fault(manager: Manager, text: str) -> None:
    with pytest.raises(InvalidSettings, match="expected a table"):
        manager(text).load()


def test_a_file_that_does_not_parse_is_the_only_fault(manager: Manager) -> None:
    with pytest.raises(InvalidSettings) as caught:
        manager("[network", variables={"CEX__EXCHANGES__VENUE__ACCOUNTS__MAIN__API_KEY": "x"}).load()
    assert len(caught.value.faults) == 1


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="there is no such file"):
        ConfigManager(tmp_path / "none.toml", variables={}).load()


def test_a_dotenv_that_was_named_must_exist(manager: Manager, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="there is no such file"):
        manager(GOOD, dotenv=tmp_path / "none.env").load()


def test_the_variables_of_the_process_count_by_default(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEX__NETWORK__READ_TIMEOUT", "7")
    assert manager(GOOD, variables=None).network.read_timeout == 7


def test_an_unknown_variable_with_our_prefix_is_a_fault(manager: Manager) -> None:
    with pytest.raises(InvalidSettings, match=r"network\.read_timout \(variable CEX__NETWORK__READ_TIMOUT\) - unknown"):
        manager(variables={"CEX__NETWORK__READ_TIMOUT": "7"}).load()


def test_a_reference_that_something_stronger_replaces_need_not_resolve(manager: Manager) -> None:
    settings = manager("[network]\nread_timeout = '${UNSET}'", variables={"CEX__NETWORK__READ_TIMEOUT": "7"})
    assert settings.network.read_timeout == 7


def test_arguments_may_be_nested(manager: Manager) -> None:
    settings = manager(GOOD, arguments={"exchanges.venue": {"depth": 7}, "exchanges.venue.profile": "testnet"})
    config = settings.get_exchange_config("venue")
    assert (config.profile, config.model_dump()["depth"]) == ("testnet", 7)


PLAIN = """
[exchanges.venue]
accounts.default.api_key = "${KEY}"
accounts.default.secret_key = "canary-secret"
network.proxy = "http://me:canary-pw@h:1"
[database]
url = "postgresql://canary"
[network]
proxy = "http://h:1"
"""


@pytest.mark.parametrize("environment", ["development", "test"])
def test_plain_text_secrets_are_fine_while_developing(manager: Manager, environment: str) -> None:
    settings = manager(PLAIN, variables={"CEX_ENVIRONMENT": environment, "KEY": "k"})
    assert settings.environment == environment
    assert list(settings.get_exchange_config("venue").accounts) == ["default"]


def test_production_refuses_plain_text_secrets_in_the_file(manager: Manager) -> None:
    with pytest.raises(InvalidSettings) as caught:
        manager(PLAIN, variables={"CEX_ENVIRONMENT": "production", "KEY": "k"}).load()
    assert {".".join(map(str, fault.path)) for fault in caught.value.faults} == {
        "exchanges.venue.accounts.default.secret_key",
        "exchanges.venue.network.proxy",
        "database.url",
    }
    assert "canary" not in str(caught.value)
    assert all("write ${NAME} and set the variable" in fault.problem for fault in caught.value.faults)


def test_production_takes_plain_text_secrets_when_told(manager: Manager) -> None:
    text = PLAIN + "[security]\nallow_plaintext_secrets = true"
    assert manager(text, variables={"KEY": "k"}, environment=Environment.PRODUCTION).network.proxy


def test_production_takes_secrets_from_variables_and_dotenv(manager: Manager, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CEX__EXCHANGES__VENUE__ACCOUNTS__DEFAULT__SECRET_KEY=s\nCEX_ENVIRONMENT=production")
    settings = manager(
        "[exchanges.venue]\nnetwork.proxy = 'http://me:${PW}@h:1'",
        variables={"CEX__EXCHANGES__VENUE__ACCOUNTS__DEFAULT__API_KEY": "k", "PW": "p"},
    )
    assert settings.environment is Environment.PRODUCTION
    assert list(settings.get_exchange_config("venue").accounts) == ["default"]


def test_production_refuses_a_secret_beside_a_switched_off_exchange(manager: Manager) -> None:
    text = "[exchanges.kraken]\nenabled = false\napi_key = 'canary'"
    with pytest.raises(InvalidSettings, match=r"exchanges\.kraken\.api_key .* refused in production"):
        manager(text, environment=Environment.PRODUCTION).load()


def rewrite(manager: ConfigManager, text: str) -> None:
    assert manager.path is not None
    manager.path.write_text(text)


def depth(manager: ConfigManager) -> object:
    return manager.get_exchange_config("venue").model_dump()["depth"]


def test_settings_stay_in_force_for_their_time(manager: Manager, clock: ManualClock) -> None:
    settings = manager(GOOD)
    first = settings.get_exchange_config("venue")
    rewrite(settings, "[exchanges.venue]\ndepth = 30")
    clock.advance(299.9)
    assert settings.get_exchange_config("venue") is first
    clock.advance(0.2)
    assert depth(settings) == 30


def test_the_time_can_be_chosen(manager: Manager, clock: ManualClock) -> None:
    settings = manager(GOOD, ttl=1.0)
    assert settings.network.read_timeout == 10
    rewrite(settings, "[network]\nread_timeout = 3")
    clock.advance(1.0)
    assert settings.network.read_timeout == 3


def test_a_bad_file_keeps_the_last_good_settings_and_says_so(
    manager: Manager, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = manager(GOOD)
    assert depth(settings) == 20
    rewrite(settings, "[exchanges.venue]\ndepth = 0\naccounts.main.api_key = 'canary'")
    clock.advance(301)
    with caplog.at_level(logging.ERROR, logger="cex.config"):
        assert depth(settings) == 20
    assert settings.last_error is not None
    assert len(settings.last_error.faults) == 2
    (record,) = caplog.records
    assert "the ones before stay in force" in record.getMessage()
    assert "depth" in record.getMessage()
    assert "canary" not in record.getMessage()
    assert depth(settings) == 20, "a bad file is not read again at every use"
    assert len(caplog.records) == 1
    rewrite(settings, "[exchanges.venue]\ndepth = 40")
    clock.advance(301)
    assert depth(settings) == 40
    assert settings.last_error is None


def test_load_raises_and_keeps_what_was_good(manager: Manager) -> None:
    settings = manager(GOOD)
    assert depth(settings) == 20
    rewrite(settings, "nonsense")
    with pytest.raises(InvalidSettings):
        settings.load()
    assert depth(settings) == 20
    rewrite(settings, "[exchanges.venue]\ndepth = 30")
    settings.load()
    assert depth(settings) == 30


async def test_reload_replaces_good_by_good(manager: Manager) -> None:
    settings = manager(GOOD)
    assert await settings.reload() is True
    assert depth(settings) == 20
    rewrite(settings, "[exchanges.venue]\ndepth = 30")
    assert await settings.reload() is True
    assert depth(settings) == 30
    rewrite(settings, "nonsense")
    assert await settings.reload() is False
    assert settings.last_error is not None
    assert depth(settings) == 30


async def test_the_first_reload_raises_when_there_is_nothing_to_keep(manager: Manager) -> None:
    settings = manager("nonsense")
    with pytest.raises(InvalidSettings):
        await settings.reload()
    await settings.aclose()


async def test_several_reloads_at_once_read_once(manager: Manager) -> None:
    settings = manager(GOOD)
    before = len(asyncio.all_tasks())
    reloads = [asyncio.ensure_future(settings.reload()) for _ in range(3)]
    await asyncio.sleep(0)
    assert len([task for task in asyncio.all_tasks() if task.get_name() == "cex.config.reload"]) == 1
    assert await asyncio.gather(*reloads) == [True, True, True]
    assert len(asyncio.all_tasks()) == before


async def test_within_a_loop_old_settings_are_handed_out_until_the_new_ones_were_read(
    manager: Manager, clock: ManualClock
) -> None:
    async with manager(GOOD) as settings:
        await settings.reload()
        rewrite(settings, "[exchanges.venue]\ndepth = 30")
        clock.advance(301)
        assert depth(settings) == 20
        assert depth(settings) == 20
        await settings.aclose()
        assert depth(settings) == 30


async def test_closing_waits_for_a_reading_and_leaves_no_task(manager: Manager, clock: ManualClock) -> None:
    before = asyncio.all_tasks()
    async with manager(GOOD) as settings:
        await settings.reload()
        rewrite(settings, "nonsense")
        clock.advance(301)
        assert depth(settings) == 20
    assert settings.last_error is not None
    assert asyncio.all_tasks() == before


async def test_a_cancelled_reload_still_settles(manager: Manager) -> None:
    async with manager(GOOD) as settings:
        waiting = asyncio.ensure_future(settings.reload())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert depth(settings) == 20


async def test_reading_never_blocks_the_loop(manager: Manager) -> None:
    """While a file of 300 kB is read and validated, the loop keeps turning."""
    text = "[logging.levels]\n" + "".join(f'"logger.{n}" = "INFO"\n' for n in range(12_000))
    settings = manager(text)
    turns = 0
    reading = asyncio.ensure_future(settings.reload())
    while not reading.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert await reading is True
    assert turns > 3


async def test_a_bug_while_reading_is_logged_and_changes_nothing(
    manager: Manager, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    types: dict[str, type[BaseExchangeConfig]] = {}

    class Failing(dict[str, type[BaseExchangeConfig]]):
        def get(self, *_args: object) -> type[BaseExchangeConfig]:
            raise RuntimeError("a bug")

    settings = manager("", exchange_types=Failing(types))
    settings.load()
    rewrite(settings, GOOD)
    clock.advance(301)
    assert settings.network.read_timeout == 10
    with pytest.raises(RuntimeError, match="a bug"):
        await settings.reload()
    await asyncio.sleep(0)
    assert "reading the settings failed" in caplog.text
    assert settings.network.read_timeout == 10


def test_printing_a_manager_shows_its_file(manager: Manager, tmp_path: Path) -> None:
    assert repr(manager(GOOD)) == f"<ConfigManager {tmp_path / 'cex.toml'}>"
    assert repr(manager()) == "<ConfigManager without a file>"


def test_importing_and_making_a_manager_costs_no_pydantic_and_no_event_loop() -> None:
    code = (
        "import sys, cex.config; from cex.config import ConfigManager; ConfigManager('none.toml');"
        "print([m for m in ('pydantic', 'asyncio', 'yaml', 'aiohttp') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("[]\n", "")
