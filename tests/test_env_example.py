"""`.env.example` and `bot/variables.py` say the same."""

import re
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bot.settings import load_settings
from bot.variables import (
    BotVariables,
    ExchangeVariables,
    RelayVariables,
    TighteningLimitVariables,
    WalletLimitVariables,
    WalletVariables,
)

EXAMPLE = Path(__file__).parent.parent / ".env.example"
FAMILIES: dict[str, type[BaseModel]] = {
    "BOT_": BotVariables,
    "BOT_WALLET_MAIN__": WalletVariables,
    "BOT_LIMIT_MAIN__": WalletLimitVariables,
    "BOT_LIMIT_GLOBAL__": TighteningLimitVariables,
    "BOT_RELAY_FLASHBOTS__": RelayVariables,
    "BOT_EXCHANGE_KRAKEN__": ExchangeVariables,
}


def documented() -> dict[str, tuple[str, str]]:
    """Name → (default as written, the comment line above)."""
    lines = EXAMPLE.read_text().splitlines()
    found = {}
    for above, line in pairwise(lines):
        match = re.fullmatch(r"(?:# )?(BOT_\w+)=(.*)", line)
        if match:
            found[match[1]] = (match[2].strip('"'), above.removeprefix("# "))
    return found


def expected() -> dict[str, tuple[str, str]]:
    return {
        prefix + name.upper(): (
            "" if field.default in (PydanticUndefined, None) else str(field.default),
            field.description or "",
        )
        for prefix, model in FAMILIES.items()
        for name, field in model.model_fields.items()
    }


def test_every_variable_is_documented_with_its_default_and_effect() -> None:
    there, wanted = documented(), expected()
    needed_by_observe = {"BOT_MODE", "BOT_CHAIN", "BOT_RPC_URL"}
    assert set(there) == set(wanted)
    assert {name: there[name] for name in wanted if name not in needed_by_observe} == {
        name: wanted[name] for name in wanted if name not in needed_by_observe
    }
    assert len(wanted) > 35


def test_the_uncommented_part_is_a_complete_observer() -> None:
    active = dict(line.split("=", 1) for line in EXAMPLE.read_text().splitlines() if line.startswith("BOT_"))
    settings = load_settings(active)
    assert settings.mode == "observe"
    assert not settings.sends


def test_no_secret_and_no_key_material_in_the_example() -> None:
    assert not re.search(r"0x[0-9a-fA-F]{64}", EXAMPLE.read_text())
