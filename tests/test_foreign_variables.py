"""Variables of the operator's own chain in the environment of `scripts/run` and `bot fork`: refused at once, by name."""

import pytest

from bot import supervisor
from bot.core.errors import EXIT_GOOD, BadConfiguration


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What a household would have been started with; nothing is."""
    worlds = []

    class Nobody:
        def __init__(self, folder):
            assert folder.is_dir()

        def run(self, world, bot):
            worlds.append((world, bot))
            return EXIT_GOOD

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervisor, "Household", Nobody)
    for name in list(supervisor.os.environ):
        if name.startswith("BOT_"):
            monkeypatch.delenv(name)
    return worlds


@pytest.mark.parametrize(
    "name",
    [
        "BOT_RPC_URL",
        "BOT_RELAY_TITAN__URL",
        "BOT_WALLET_MAIN__KEYSTORE",
        "BOT_EXCHANGES",
        "BOT_EXCHANGE_KRAKEN__PAIRS",
        "BOT_EXCHANGE_BINANCE_USDM__WS_URL",
    ],
)
def test_the_local_market_refuses_what_it_sets_itself(started, monkeypatch, tmp_path, capsys, name):
    monkeypatch.setenv(name, "of my own chain")
    assert supervisor.main([]) == BadConfiguration("").exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name} set in your environment")
    assert "unset it" in line
    assert (started, list(tmp_path.iterdir())) == ([], [])


def test_all_are_named_in_one_line(started, monkeypatch, capsys):
    names = ("BOT_DATA_DIR", "BOT_EXCHANGES", "BOT_EXCHANGE_OKX__PAIRS")
    for name in names:
        monkeypatch.setenv(name, "")
    assert supervisor.main([]) == BadConfiguration("").exit_code
    line = capsys.readouterr().err
    assert line.startswith(f"{', '.join(names)} set in your environment")
    assert "unset them" in line


def test_limits_and_tuning_may_stand(started, monkeypatch):
    for name in (
        "BOT_QUOTE_AGE",
        "BOT_RELAY_TIMEOUT",
        "BOT_REFERENCE_STRAY",
        "BOT_RECORD",
        "BOT_LIMIT_MAIN__FEE_PER_GAS",
    ):
        monkeypatch.setenv(name, "9")
    assert supervisor.main([]) == EXIT_GOOD
    assert len(started) == 1


def test_a_fork_may_stand_beside_real_exchanges(started, monkeypatch):
    options = supervisor.argparse.Namespace(
        rpc="ws://127.0.0.1:1", profile="ethereum", pace="1 s", port=0,
        blocks=None, report=None, json=False, plain=True,
    )  # fmt: skip
    monkeypatch.setenv("BOT_EXCHANGES", "kraken")
    assert supervisor.run_fork(options) == EXIT_GOOD
    monkeypatch.setenv("BOT_RPC_URL", "ws://127.0.0.1:1")
    with pytest.raises(BadConfiguration, match="BOT_RPC_URL set in your environment"):
        supervisor.run_fork(options)
