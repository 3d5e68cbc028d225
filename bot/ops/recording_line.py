"""One line of what the recorder did, and of what it could not."""

from bot.feeds.recording_files import RecorderCounters


def recorder_line(counters: RecorderCounters) -> str:
    """Since the start. What is missing stands first behind the size; nothing is said of what did not happen."""
    parts = [f"recording: {counters.written_bytes / 1e6:,.1f} MB in {_counted(counters.files, 'file')}"]
    if counters.dropped:
        parts.append(f"{counters.dropped:,} records dropped (the disk is slow)")
    if counters.lost:
        parts.append(
            f"{counters.lost:,} records lost ({_counted(counters.failures, 'stretch', 'es')} without a disk to write to)"
        )
    if counters.deleted_files:
        parts.append(
            f"{_counted(counters.deleted_files, 'old file')} deleted for the cap ({counters.deleted_bytes / 1e6:,.1f} MB)"
        )
    return "; ".join(parts)


def _counted(count: int, name: str, ending: str = "s") -> str:
    return f"{count:,} {name}{'' if count == 1 else ending}"
