"""What stands on the market's chain beside the protocols: the bot's Executor, the competitor's, and who owns them.

All keys are throwaway and follow from the seed. The owner of the bot's Executor is a cold address: its key is used
nowhere in the market.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from eth_abi.abi import encode

from bot.core.identity import Address
from bot.world.accounts import ThrowawayAccount
from bot.world.competitor import competitor_account
from bot.world.keystores import WalletFiles
from bot.world.local_chain import LocalChain
from bot.world.parts import world_artifact

WALLET_WEI = 50 * 10**18
"""Gas money of each of the bot's wallets."""
_COMPETITOR_WEI = 100 * 10**18


class Stage(msgspec.Struct, frozen=True):
    executor: Address
    owner: Address
    profit_recipient: Address
    competitor: Address
    competitor_executor: Address
    competitor_recipient: Address
    coinbase: Address


async def set_stage(chain: LocalChain, seed: int, wallets: Sequence[WalletFiles], weth: Address) -> Stage:
    """Deploy both Executors, a block each, and fund who sends. Raises GenesisError, PartMissingError, AnvilError."""
    address = {role: ThrowawayAccount(seed, role).address for role in _ROLES}
    competitor = competitor_account(seed).address
    for wallet in wallets:
        await chain.fund(wallet.address, WALLET_WEI)
    await chain.fund(competitor, _COMPETITOR_WEI)
    operators = [wallet.address for wallet in wallets]
    return Stage(
        executor=await _deploy_executor(
            chain, address["owner"], address["profit recipient"], operators, weth
        ),
        owner=address["owner"],
        profit_recipient=address["profit recipient"],
        competitor=competitor,
        competitor_executor=await _deploy_executor(
            chain, address["competitor's owner"], address["competitor's recipient"], [competitor], weth
        ),
        competitor_recipient=address["competitor's recipient"],
        coinbase=address["builder"],
    )


_ROLES = ("owner", "profit recipient", "competitor's owner", "competitor's recipient", "builder")


async def _deploy_executor(
    chain: LocalChain, owner: Address, recipient: Address, operators: Sequence[Address], weth: Address
) -> Address:
    arguments = encode(
        ["address", "address", "address", "address[]"], [owner, recipient, weth, list(operators)]
    )
    return await chain.deploy(world_artifact("Executor").creation_code + arguments, owner)
