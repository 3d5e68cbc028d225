"""The bot as its user starts it, against a chain that is not the local market: a fork, and a chain that is watched."""
