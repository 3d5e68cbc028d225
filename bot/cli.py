"""The command line. A verb's code is imported when the verb is asked for, so that `bot status` answers at once."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import EXIT_INTERRUPTED, BadConfiguration, StopTheBot
from bot.core.identity import WalletName
from bot.core.profile import ChainProfile
from bot.core.units import Bps, WeiPerGas

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.signer.config import SignerConfig

Verb = Callable[[argparse.Namespace], int]
DEPLOY_SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "deploy_executor.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run the verb, and turn every expected end into one line and its exit code."""
    parser = _parser()
    options, handed_on = parser.parse_known_args(arguments)
    verb: Verb = options.verb
    if handed_on and verb is not _deploy:
        parser.error(f"unrecognized arguments: {' '.join(handed_on)}")
    options.handed_on = handed_on
    try:
        return verb(options)
    except BadConfiguration as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return error.exit_code
    except StopTheBot as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    from bot.session import run_session

    return run_session(options)


def _doctor(options: argparse.Namespace) -> int:
    from bot.session import run_doctor

    return run_doctor(options)


def _signer(options: argparse.Namespace) -> int:
    from bot.settings import load_settings, read_environment
    from bot.signer.process import run_signer
    from bot.supervisor import await_file

    await_file(options.after)
    return run_signer(_signer_config(load_settings(read_environment(options.env_file))))


def _signer_config(settings: "Settings") -> "SignerConfig":
    """What the operator's variables say to the signer; raises BadConfiguration in a mode that signs nothing."""
    from bot.risk.limits import tightest
    from bot.settings import limits_of
    from bot.signer.config import SignerConfig, SignerLimits, SignerWallet

    if not settings.sends or settings.variables.executor is None:
        raise BadConfiguration(f"BOT_MODE={settings.mode} signs nothing: the signer is for BOT_MODE=live")
    limits = limits_of(settings)

    def wallet_limits(name: WalletName) -> SignerLimits:
        # Calldata does not say whose strategy it is, so that the limits of all of them hold.
        tight = tightest(limits.wallets[name], *limits.strategies.values(), limits.everywhere)
        return SignerLimits(tight.fee_per_gas, tight.gas_per_tx, tight.gas_spend_per_day)

    return SignerConfig(
        chain_id=settings.chain.chain_id,
        is_throwaway_chain=settings.chain.is_throwaway,
        executors=frozenset({settings.variables.executor}),
        weth=settings.chain.weth.address,
        wallets=tuple(
            SignerWallet(
                WalletName(name), files.keystore, files.password_file, wallet_limits(WalletName(name))
            )
            for name, files in settings.wallets.items()
        ),
        socket_path=settings.signer_socket,
        totals_dir=settings.data_dir / "signer",
        halt_file=settings.data_dir / "HALT",
        priority_fee_cap=_priority_fee_cap(settings),
        payment_share=_payment_share(settings),
        gas_spend_per_day=limits.everywhere.gas_spend_per_day,
    )


def _payment_share(settings: "Settings") -> Bps:
    """The largest part of a gain that may ever be bid: a learned bid goes up to its cap."""
    variables = settings.variables
    return Bps(max(variables.bid_share, variables.bid_cap) if variables.bid_learns else variables.bid_share)


def _priority_fee_cap(settings: "Settings") -> WeiPerGas:
    """Where the bid itself is a tip it may be as high as any fee per gas; the limits on that hold, too."""
    from bot.chain.relay_rows import row_named
    from bot.settings import limits_of

    rows = [row_named(name) for name in settings.relays]
    if all("payment" in row.honours for row in rows if row.drops_reverts):
        return WeiPerGas(settings.variables.priority_fee)
    return WeiPerGas(max(limits.fee_per_gas for limits in limits_of(settings).wallets.values()))


def _market(options: argparse.Namespace) -> int:
    from bot.core.quantities import parse_bps, parse_duration
    from bot.world.market import MarketConfig, run_market_process
    from bot.world.relay_fault_rates import read_relay_fault_rates
    from bot.world.shocks import Shocks

    profile = _profile(options.fork_profile)
    try:
        faults = read_relay_fault_rates(options.relay_faults)
    except ValueError as error:
        raise BadConfiguration(f"--relay-faults {options.relay_faults}: {error}") from None
    private_share = Bps(parse_bps(options.private_flow))
    return run_market_process(
        MarketConfig(
            run_dir=options.run_dir.absolute(),
            seed=options.seed,
            pools=options.pools,
            tokens=options.tokens,
            pace=parse_duration(options.pace),
            lockstep=options.lockstep,
            port=options.port,
            fork_url=options.fork_url,
            fork_profile=profile.name,
            fork_chain_id=profile.chain_id,
            weth=profile.weth.address,
            relays=options.relays,
            private_share=private_share,
            hidden_law=options.hidden_law,
            shocks=Shocks(uncle_every=options.uncles, relays=faults),
            # A back-run and the block's own bundle are two transactions: with one wallet one would wait for the other.
            wallets=("main", "second") if private_share else ("main",),
        )
    )


def _fork(options: argparse.Namespace) -> int:
    from bot.supervisor import run_fork

    _profile(options.profile)  # refused here, before anything is started
    return run_fork(options)


def _profile(name: str) -> ChainProfile:
    from bot.chains.load import load_profile, profile_names

    try:
        return load_profile(name)
    except KeyError:
        raise BadConfiguration(
            f"--profile {name}: no such chain profile; there are {', '.join(profile_names())}"
        ) from None


def _deploy(options: argparse.Namespace) -> int:
    """The script takes this process over: its output, its exit code, its Ctrl-C."""
    os.execv(sys.executable, [sys.executable, str(DEPLOY_SCRIPT), *options.handed_on])  # noqa: S606  # our own script


def _status(options: argparse.Namespace) -> int:
    from bot.ops.status import print_status

    return print_status(options)


def _explain(options: argparse.Namespace) -> int:
    from bot.ops.explain import print_explanation

    return print_explanation(options)


def _report(options: argparse.Namespace) -> int:
    from bot.ops.report import print_report

    return print_report(options)


def _replay(options: argparse.Namespace) -> int:
    from bot.ops.replay import print_replay

    return print_replay(options)


def _relay_check(options: argparse.Namespace) -> int:
    from bot.ops.relay_check import print_relay_check

    return print_relay_check(options)


def _config(options: argparse.Namespace) -> int:
    from bot.ops.config_view import print_config

    return print_config(options)


def _parser() -> argparse.ArgumentParser:
    from bot.supervisor import add_pace, add_port, add_shared_options

    parser = argparse.ArgumentParser(
        prog="scripts/bot", description="A DeFi execution bot. Tuned by BOT_ variables; see .env.example."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    run = _verb(verbs, "run", _run, "run the bot with the BOT_ variables of .env and the environment")
    _env_file(run)
    add_shared_options(run)
    run.add_argument(
        "--after", type=Path, help=argparse.SUPPRESS
    )  # the supervisor's: wait until this file is there

    doctor = _verb(
        verbs,
        "doctor",
        _doctor,
        "check node, addresses, Executor, relays, signer and wallets; change nothing",
    )
    _env_file(doctor)
    _output(doctor)

    signer = _verb(verbs, "signer", _signer, "run the signer: the one process that opens the keystores")
    _env_file(signer)
    _after(signer)

    _market_verb(verbs)

    fork = _verb(
        verbs, "fork", _fork, "run the bot on a fork of your chain, with the market's relay around it"
    )
    fork.add_argument("--rpc", required=True, help="node to fork from (http)")
    fork.add_argument("--profile", default="ethereum", help="chain profile of that node's chain")
    add_pace(fork)
    add_port(fork)
    add_shared_options(fork)

    deploy = verbs.add_parser(
        "deploy", add_help=False, help="deploy the Executor, or with --dry-run say what deploying it would do"
    )
    deploy.set_defaults(verb=_deploy)  # its options, --help too, are the script's

    for name, verb, about in (
        ("status", _status, "what a run is doing, or did: live or ended"),
        ("report", _report, "the closing report of a run, from its journal"),
    ):
        reading = _verb(verbs, name, verb, about)
        _reads_a_run(reading)
        _output(reading)
        if verb is _report:
            reading.add_argument(
                "--plots", type=Path, metavar="FOLDER", help="write pictures of it there, as SVG"
            )

    explain = _verb(verbs, "explain", _explain, "the story of one intent, or of one plan that was dropped")
    explain.add_argument("id", help="its eight characters, or a unique prefix")
    _reads_a_run(explain)
    _output(explain)

    replay = _verb(
        verbs, "replay", _replay, "run recorded feeds through the same code and tell what they brought"
    )
    replay.add_argument("folder", type=Path, help="recordings/ of a data folder; see BOT_RECORD")
    replay.add_argument("--fast", action="store_true", help="not at the recorded pace, as fast as it goes")
    _output(replay)

    _relay_check_verb(verbs)

    config = _verb(verbs, "config", _config, "the settings as they are understood, secrets left out")
    _env_file(config)
    _output(config)
    config.add_argument(
        "--suggest", action="store_true", help="print a conservative set of limits for each wallet"
    )
    return parser


def _relay_check_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = _verb(
        verbs, "relay-check", _relay_check, "ask a relay what it really supports, with harmless requests"
    )
    check.add_argument("url")
    check.add_argument("--row", help="compare with this row of docs/relays.md")
    check.add_argument("--identity", type=Path, help="key file to sign with (default: a throwaway)")
    check.add_argument(
        "--authorization-file", type=Path, help="file, mode 0600, with the account's Authorization header"
    )
    _output(check)


def _market_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from bot.supervisor import add_order_flow, add_pace, add_port

    market = _verb(verbs, "market", _market, "run the local market alone: chain, relay, traders, competitor")
    market.add_argument("--run-dir", type=Path, required=True, help="where keys, bot.env and logs go")
    market.add_argument("--seed", type=int, default=1)
    market.add_argument("--pools", type=int, default=40)
    market.add_argument("--tokens", type=int, help="default: as many as are usual for so many pools")
    add_pace(market)
    market.add_argument("--lockstep", action="store_true")
    add_port(market)
    add_order_flow(market)
    market.add_argument("--fork-url", help=argparse.SUPPRESS)  # these two are of `bot fork`
    market.add_argument("--fork-profile", default="market", help=argparse.SUPPRESS)


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, verb: Verb, about: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    parser.set_defaults(verb=verb)
    return parser


def _env_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--env-file", type=Path, help="read this instead of .env; the real environment wins")


def _after(parser: argparse.ArgumentParser) -> None:
    """The supervisor's: import, then wait until this file is there."""
    parser.add_argument("--after", type=Path, help=argparse.SUPPRESS)


def _reads_a_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", type=Path, help="data folder of the run (default: the newest local run, or BOT_DATA_DIR)"
    )


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--report", type=Path, help="write the JSON to this file")
