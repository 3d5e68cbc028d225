"""The chain of a market that is up: its plan, its genesis, and the powers only a local chain has."""

from __future__ import annotations

from bot.core.identity import (
    Address,
    from_hex,
    hex_bytes,
    hex_quantity,
    keccak,
    to_checksum,
)
from bot.world.anvil import Anvil, AnvilError
from bot.world.founding_blocks import GenesisError
from bot.world.genesis import GenesisConfig, placements
from bot.world.market_plan import MarketPlan

_DEPLOYMENT_GAS = 15_000_000
_DEPLOYMENT_WEI = 100 * 10**18


class LocalChain:
    """A market's chain. None of its methods is called while a relay builds blocks: it mines its own."""

    def __init__(self, anvil: Anvil, plan: MarketPlan, config: GenesisConfig) -> None:
        self.anvil = anvil
        self.plan = plan
        self.config = config

    async def fund(self, address: Address, wei: int) -> None:
        """Make `wei` the ether balance of `address`, at once and without a block."""
        await self.anvil.rpc("anvil_setBalance", [to_checksum(address), hex_quantity(wei)])

    async def deal(self, token: Address, holder: Address, amount: int) -> None:
        """Make `amount` the balance of `holder`, at once and without a block; the total supply is left as it is."""
        arguments = [to_checksum(holder), to_checksum(token), hex_quantity(amount)]
        await self.anvil.rpc("anvil_dealERC20", arguments)

    async def deploy(self, creation_code: bytes, sender: Address) -> Address:
        """Create a contract from `sender`, whoever that is, in a block of its own; its address.

        `creation_code` ends with the encoded constructor arguments. The gas is a gift: `sender`'s balance stays.
        Raises GenesisError where the constructor reverts.
        """
        who = to_checksum(sender)
        creation = {
            "from": who,
            "data": hex_bytes(creation_code),
            "gas": hex_quantity(_DEPLOYMENT_GAS),
            "maxFeePerGas": hex_quantity(1_000 * 10**9),
            "maxPriorityFeePerGas": "0x0",
        }
        balance = int(await self.anvil.rpc("eth_getBalance", [who, "latest"]), 16)
        await self.fund(sender, balance + _DEPLOYMENT_WEI)
        await self.anvil.rpc("anvil_impersonateAccount", [who])
        try:
            await self.anvil.rpc("eth_call", [creation, "latest"])
            tx_hash = await self.anvil.rpc("eth_sendTransaction", [creation])
            await self.mine()
        except AnvilError as error:
            raise GenesisError(
                f"deployment from {who}: {error.message}: check the constructor's arguments"
            ) from error
        finally:
            await self.anvil.rpc("anvil_stopImpersonatingAccount", [who])
            await self.fund(sender, balance)
        receipt = await self.anvil.rpc("eth_getTransactionReceipt", [tx_hash])
        if receipt is None or receipt["status"] != "0x1":
            raise GenesisError(f"deployment from {who} did not succeed: {receipt}")
        return Address(from_hex(receipt["contractAddress"]))

    async def mine(self) -> int:
        """Mine one block, `block_seconds` after its parent; its number."""
        head = await self.anvil.rpc("eth_getBlockByNumber", ["latest", False])
        timestamp = int(head["timestamp"], 16) + self.config.block_seconds
        await self.anvil.rpc("evm_mine", [{"timestamp": timestamp}])
        return int(head["number"], 16) + 1

    async def code_hashes(self) -> dict[Address, bytes]:
        """Keccak of the code at every protocol and token address, as a chain profile states them."""
        addresses = [placement.address for placement in placements(self.plan)]
        calls = [("eth_getCode", [to_checksum(address), "latest"]) for address in addresses]
        codes = await self.anvil.rpc_batch(calls)
        return {address: keccak(from_hex(code)) for address, code in zip(addresses, codes, strict=True)}
