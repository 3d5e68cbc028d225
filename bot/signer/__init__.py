"""The process that holds the keys. It trusts nothing the engine says: it decodes what it is asked to sign and judges
that by a policy and totals of its own. Imports `bot.core` alone.
"""
