"""Which run a reading verb means: `--run`, else the newest local run, else the data folder of the settings."""

import json
import sys
from pathlib import Path
from typing import Any

from bot.core.errors import BadConfiguration

JOURNAL_FILE = "journal.sqlite3"
LATEST_LOCAL_RUN = Path("var/local/latest")


def find_journal(run: Path | None) -> Path:
    """Path of the journal. Raises BadConfiguration where there is none, saying what was looked at."""
    if run is not None:
        path = run / JOURNAL_FILE if run.is_dir() else run
        if not path.is_file():
            raise BadConfiguration(f"--run {run}: no {JOURNAL_FILE} there; name the data folder of a run")
        return path
    candidates = [LATEST_LOCAL_RUN / JOURNAL_FILE, *sorted(Path("var").glob(f"[0-9]*/{JOURNAL_FILE}"))]
    found = [path for path in candidates if path.is_file()]
    if not found:
        raise BadConfiguration(
            "no run found under var/: start one with scripts/run, or name its folder with --run"
        )
    return max(found, key=written_at)


def written_at(journal: Path) -> float:
    """When the journal was last written, seconds since the epoch. SQLite writes beside the file until a checkpoint."""
    beside = journal.with_name(journal.name + "-wal")
    return max(path.stat().st_mtime for path in (journal, beside) if path.exists())


def deliver(content: dict[str, Any], text: str, *, as_json: bool, file: Path | None) -> None:
    """Print the text, or with `as_json` the content; write the content to `file` when one is named."""
    encoded = json.dumps(content, indent=2, sort_keys=False)
    if file is not None:
        temporary = file.with_name(f".{file.name}.part")
        temporary.write_text(encoded + "\n")
        temporary.replace(file)
    sys.stdout.write((encoded if as_json else text).rstrip("\n") + "\n")
