"""The second opinion: a slow, plain reading of the chain that shares no line with the bot.

Nothing here imports the bot (a test in tests/architecture holds that). Amounts are integers in smallest units,
addresses and hashes bytes; where maths is needed it is exact and derived anew.
"""
