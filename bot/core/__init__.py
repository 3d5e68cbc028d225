"""The words every part of the bot shares. Imports nothing of ours."""
