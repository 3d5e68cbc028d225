"""`python -m bot VERB`: what scripts/bot runs."""

import sys

from bot.cli import main

if __name__ == "__main__":
    sys.exit(main())
