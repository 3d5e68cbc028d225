# What the scripts share; sourced by them. Sets ROOT to the clone, whatever the working directory.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)"
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"

# Print the interpreter to set up with: $PYTHON; else the environment's own, which is quickest to ask; else the
# first suitable one on PATH; else any python3, which then says itself why it will not do.
pick_python() {
    local candidate check
    if [[ -n "${PYTHON:-}" ]]; then
        printf '%s' "$PYTHON"
        return
    fi
    if [[ -x "$ROOT/.venv/bin/python" ]]; then
        printf '%s' "$ROOT/.venv/bin/python"
        return
    fi
    for check in 'import ensurepip, venv, sys' 'import sys'; do
        for candidate in python3.11 python3.12 python3.13 python3; do
            if "$candidate" -c "$check; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" >/dev/null 2>&1; then
                printf '%s' "$candidate"
                return
            fi
        done
    done
    printf 'python3'
}

# set_up runtime|ape|all|bench. In the background and waited for, so that a signal sent to this shell alone reaches it:
# bash by itself would die and leave it running.
set_up() {
    local python child status=0
    python="$(pick_python)"
    if ! command -v "$python" >/dev/null 2>&1; then
        echo "No Python found ($python): install Python 3.11, 3.12 or 3.13." >&2
        exit 2
    fi
    "$python" -E -S "$ROOT/scripts/setup.py" "$1" & # -S: it needs no site-packages, and is quicker without
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null' INT TERM HUP
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do
        status=0
        wait "$child" || status=$?
    done
    trap - INT TERM HUP
    return "$status"
}

sha256_of() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi
}

# Compiled kernels are kept beside the environment that compiled them: a cache shared by two numpy versions is
# used silently, and wrong. A systemd unit with CacheDirectory= names its own place, since it may not write here.
use_environment() {
    local installed=''
    [[ ! -r "$ROOT/.venv/stamp" ]] || read -r installed <"$ROOT/.venv/stamp"
    # Numba keeps a kernel whose own file is unchanged, also where a kernel of another file that it calls has changed.
    local kernels
    kernels="$({ find "$ROOT/bot" \( -name '*_kernel.py' -o -name '*_layout.py' \) -print0 2>/dev/null || true; } | sort -z | xargs -0r cat | sha256sum)"
    export NUMBA_CACHE_DIR="${CACHE_DIRECTORY:-$ROOT/.venv}/numba-cache-${installed:0:16}-${kernels:0:16}"
}

# Whether .venv is finished and was built from the lock as it is now.
environment_is_fresh() {
    local installed locked
    [[ -x "$ROOT/.venv/bin/python" && -r "$ROOT/.venv/stamp" ]] || return 1
    read -r installed <"$ROOT/.venv/stamp"
    locked="$(sha256_of "$ROOT/locks/venv.txt")"
    [[ "$installed" == "${locked%% *}" ]]
}
