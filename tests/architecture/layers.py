"""The import law as data: DESIGN's tree, from the top to the bottom, siblings blind to each other."""

LAYERS = (
    ("cli", "session", "supervisor", "__main__"),
    ("compose", "compose_feeds", "compose_routes"),
    ("ops",),
    (
        "settings",
        "exchange_settings",
        "variable_families",
        "variables",
        "loop",
        "between_blocks",
        "ended_intents",
        "wallets_at_head",
    ),
    ("tick", "backrun_tick", "carry_out", "feeds", "chain", "exchanges", "journal", "clock", "garbage"),
    ("opportunities", "risk", "execution"),
    ("state", "costs"),
    ("protocols",),
    ("core",),
)
"""A unit imports only units of lower rows, and itself."""

ASIDE = {
    "world": {"core", "protocols", "costs"},
    "signer": {"core"},
    "chains": {"core"},
}
"""Units that stand beside the rows, and all they import."""

OPENED_BY = {
    "world": {"cli", "supervisor"},
    "signer": {"cli", "supervisor"},
    "chains": {"cli", "supervisor", "compose", "settings"},
}
"""Who alone may import them."""

WITHIN_A_ROW = {
    "__main__": {"cli", "supervisor"},
    "cli": {"session", "supervisor"},
    "session": {"supervisor"},
    "compose": {"compose_routes"},
    "compose_feeds": {"compose"},
    "settings": {"exchange_settings", "variable_families", "variables"},
    "exchange_settings": {"variable_families", "variables"},
    "variable_families": {"variables"},
    "loop": {"between_blocks", "ended_intents", "wallets_at_head"},
    "tick": {"carry_out"},
    "backrun_tick": {"carry_out"},
}
"""The program's entrance (`python -m bot` is the command line, which may start the supervisor), and settings read
from the list of variables they are made of."""

PURE = ("core", "protocols", "costs", "state", "opportunities", "risk")
"""Import no network, clock, environment or randomness."""

AWAITS_PORTS = ("execution",)
"""May await core's ports; as pure otherwise."""

IMPURE_MODULES = {
    "aiohttp", "asyncio", "concurrent", "ccxt", "dotenv", "http", "logging", "multiprocessing", "os", "picows",
    "random", "requests", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlalchemy", "sqlite3", "ssl",
    "structlog", "subprocess", "tempfile", "threading", "time", "urllib", "uuid", "uvloop", "web3", "websockets",
    "zoneinfo",
}  # fmt: skip
IMPURE_NAMES = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "numpy.random", "np.random",
    "eth_account.Account.create",
}  # fmt: skip
IMPURE_CALLS = {"open", "input", "print"}

APE_TESTS_IMPORT = {"core", "protocols"}
"""All that tests/contracts and tests/fork import of the bot: they run in ape's environment, which lacks its libraries."""

VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}

BROAD_EXCEPT_ALLOWED = {"bot/loop.py", "bot/__main__.py", "bot/supervisor.py"}
"""Elsewhere a broad except carries its reason in a comment on its line, or raises again after cleaning up."""

FILE_LINES = 400
FUNCTION_LINES = 80
"""Hard ends, far above the aim of 300 and 40."""

LONG_FILES: dict[str, str] = {}
"""Path -> why it is longer."""
LONG_FUNCTIONS: dict[str, str] = {}
"""`path:function` -> why it is longer."""
