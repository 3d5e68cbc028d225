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

# set_up runtime|ape|all: quick and silent about nothing; starts no process when all is there.
set_up() {
    local python
    python="$(pick_python)"
    if ! command -v "$python" >/dev/null 2>&1; then
        echo "No Python found ($python): install Python 3.11, 3.12 or 3.13." >&2
        exit 2
    fi
    "$python" -E -S "$ROOT/scripts/setup.py" "$1" # -S: set-up needs no site-packages, and is quicker without
}

sha256_of() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi
}

# Compiled kernels are kept beside the environment that compiled them: a cache shared by two numpy versions is
# used silently, and wrong.
use_environment() {
    local installed=''
    [[ ! -r "$ROOT/.venv/stamp" ]] || read -r installed <"$ROOT/.venv/stamp"
    export NUMBA_CACHE_DIR="$ROOT/.venv/numba-cache-${installed:0:16}"
}

# Whether .venv is finished and was built from the lock as it is now.
environment_is_fresh() {
    local installed locked
    [[ -x "$ROOT/.venv/bin/python" && -r "$ROOT/.venv/stamp" ]] || return 1
    read -r installed <"$ROOT/.venv/stamp"
    locked="$(sha256_of "$ROOT/locks/venv.txt")"
    [[ "$installed" == "${locked%% *}" ]]
}
