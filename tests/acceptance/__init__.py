"""The whole product as processes, judged by the oracle. Imports nothing of the bot, but for the stage of the exchanges."""
