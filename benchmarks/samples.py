"""The settings files that the benchmarks read."""

from __future__ import annotations

__all__ = ["large_yaml", "small_toml", "small_yaml", "variables"]

LARGE = 16_384

SMALL_TOML = """
[network]
read_timeout = 5.0

[exchanges.gateio]
profile = "testnet"
accounts.default.api_key = "${GATE_KEY}"
accounts.default.secret_key = "${GATE_SECRET}"

[exchanges.mexc]
network.read_timeout = 3.0
"""

SMALL_YAML = """
network:
  read_timeout: 5.0

exchanges:
  gateio:
    profile: testnet
    accounts:
      default:
        api_key: ${GATE_KEY}
        secret_key: ${GATE_SECRET}
  mexc:
    network:
      read_timeout: 3.0
"""


def small_toml() -> str:
    """What a first user writes."""
    return SMALL_TOML


def small_yaml() -> str:
    """The same as YAML."""
    return SMALL_YAML


def variables(accounts: int = 400) -> dict[str, str]:
    """Values for every reference in the samples."""
    numbered = {f"GATE_{half}_{n}": f"{half.lower()}-{n}" for half in ("KEY", "SECRET") for n in range(accounts)}
    return {"GATE_KEY": "key", "GATE_SECRET": "secret", **numbered}


def large_yaml() -> str:
    """16 kB: half of it accounts with references, half log levels; a comment in every tenth line."""
    lines = ["exchanges:", "  gateio:", "    profile: testnet", "    accounts:"]
    number = 0
    while sum(map(len, lines)) + len(lines) < LARGE // 2:
        lines += [
            f"      trader_{number}:",
            f"        api_key: ${{GATE_KEY_{number}}}",
            f"        secret_key: ${{GATE_SECRET_{number}}}" + ("  # the desk's own" if number % 3 == 0 else ""),
        ]
        number += 1
    lines += ["logging:", "  level: INFO", "  levels:"]
    number = 0
    while sum(map(len, lines)) + len(lines) < LARGE - 40:
        lines.append(f"    cex.part{number}.room: WARNING" + ("  # too loud" if number % 10 == 0 else ""))
        number += 1
    return "\n".join(lines) + "\n"
