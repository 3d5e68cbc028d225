"""The founded market kept as an anvil state dump, so that only the first start of a seed builds it.

Also the first start runs on the loaded dump: a market is the same chain however it came up. Logs and receipts of
the genesis survive; calls at heights before the dump fail, as anvil keeps only the last state.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from bot.core.identity import from_hex
from bot.world.anvil import Anvil, AnvilConfig
from bot.world.genesis import GenesisConfig, Progress, build, placements
from bot.world.local_chain import LocalChain
from bot.world.market_plan import MarketPlan

_GENESIS_SOURCES = ("accounts.py", "contracts_in_place.py", "founding_blocks.py", "genesis.py", "traffic.py")
_KEPT_DUMPS = 8


async def open_chain(
    plan: MarketPlan,
    config: GenesisConfig,
    anvil_config: AnvilConfig,
    cache: Path,
    progress: Progress = lambda _step, _done, _total: None,
) -> LocalChain:
    """A running chain of `plan`, built first where `cache` has no dump of it; the caller stops `anvil`.

    Of `anvil_config` the log and socket paths and the binary count; chain id, times and fees come from `config`.
    Raises AnvilStartError, GenesisError, PartMissingError.
    """
    anvil_config = replace(
        anvil_config,
        chain_id=config.chain_id,
        timestamp=config.timestamp,
        gas_limit=config.gas_limit,
        base_fee_wei=config.base_fee_wei,
    )
    state = cache / f"market-{cache_key(plan, config, anvil_config.binary)}.json"
    if not state.exists():
        async with Anvil(anvil_config) as fresh:
            await build(fresh, plan, config, progress)
            await save_state(fresh, state)
    state.touch()
    _forget_old(cache)
    progress("load", 0, 1)
    anvil = Anvil(replace(anvil_config, load_state=state))
    await anvil.start()
    progress("load", 1, 1)
    return LocalChain(anvil, plan, config)


def cache_key(plan: MarketPlan, config: GenesisConfig, anvil_binary: Path) -> str:
    """Hex digest of whatever decides the chain: plan, bytecode and arguments, our own steps, anvil's build."""
    digest = hashlib.sha256(plan.fingerprint() + repr(config).encode())
    for placement in placements(plan):
        digest.update(placement.address + placement.artifact.creation_code + placement.arguments)
    for name in _GENESIS_SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes())
    binary = anvil_binary.stat()
    digest.update(f"{binary.st_size} {AnvilConfig.hardfork}".encode())
    return digest.hexdigest()[:24]


async def save_state(anvil: Anvil, path: Path) -> None:
    """Write the chain's state where `--load-state` reads it; whole or not at all."""
    dumped = gzip.decompress(from_hex(await anvil.rpc("anvil_dumpState", [])))
    _write_whole(path, _without_traces(dumped))


def _without_traces(dumped: bytes) -> bytes:
    """The dump less the call traces of its transactions: a third of the size; receipts and logs stay."""
    state = msgspec.json.decode(dumped, type=dict[str, msgspec.Raw])
    transactions = msgspec.json.decode(state["transactions"], type=list[dict[str, msgspec.Raw]])
    for transaction in transactions:
        info = msgspec.json.decode(transaction["info"], type=dict[str, msgspec.Raw])
        info["traces"] = msgspec.Raw(b"[]")
        transaction["info"] = msgspec.Raw(msgspec.json.encode(info))
    state["transactions"] = msgspec.Raw(msgspec.json.encode(transactions))
    return msgspec.json.encode(state)


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as unfinished:
        unfinished.write(content)
    Path(unfinished.name).replace(path)


def _forget_old(cache: Path) -> None:
    dumps: list[tuple[float, Path]] = []
    for path in cache.glob("market-*.json"):
        with contextlib.suppress(FileNotFoundError):  # another market tidies up at the same moment
            dumps.append((path.stat().st_mtime, path))
    for _, old in sorted(dumps)[:-_KEPT_DUMPS]:
        old.unlink(missing_ok=True)
