#!/bin/sh
# Make .venv with `.[lab]`, `.[dev]`, `.[docs]` or `.[bench]`, once: tools/venv.sh lab|dev|docs|bench
#
# A stamp holds the checksum of pyproject.toml, the checkout's path and the interpreter, so a warm run
# installs nothing, and an edited pyproject.toml, a moved checkout or another PYTHON does the right thing.
set -eu
extra=$1
venv=.venv

say() { printf 'nbstream: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# -- the interpreter ---------------------------------------------------------------------------------
python=
if [ -n "${PYTHON:-}" ]; then
    recent "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.11 or newer. Name another: make test PYTHON=python3.12"
    python=$PYTHON
else
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if recent "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || die "Python 3.11 or newer is needed, and none is on PATH" \
        "(python3 here is: $(python3 --version 2>&1 || echo absent))." \
        "Install one and name it: make test PYTHON=/path/to/python3.11"
    case $python in python3) ;; *) say "python3 is older than 3.11: using $python" ;; esac
fi
where=$("$python" -c 'import sys; print(sys.executable, sys.version_info[:2])')
wanted="$(cksum <pyproject.toml) $PWD $where"

# -- is it there already? ----------------------------------------------------------------------------
made() { [ -f "$venv/.made-$1" ] && [ "$(cat "$venv/.made-$1")" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; }
# dev holds lab; bench and docs hold dev.
if made "$extra"; then exit 0; fi
case $extra in
    dev) if made bench || made docs; then exit 0; fi ;;
    lab) if made dev || made bench || made docs; then exit 0; fi ;;
esac

# -- make it -----------------------------------------------------------------------------------------
if [ -d "$venv" ] && { ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
    [ "$(cat "$venv/.python" 2>/dev/null)" != "$PWD $where" ]; }; then
    say "$venv was made elsewhere or by another Python: making it again"
    rm -rf "$venv"
fi
if [ ! -d "$venv" ]; then
    if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        # Debian ships venv and ensurepip apart from the interpreter.
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "$python has no venv: installing $version-venv"
            apt-get update -qq >&2
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$version-venv" >&2 ||
                DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >&2
        fi
        "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
            die "$python cannot make virtual environments. Run: sudo apt-get install $version-venv"
    fi
    say "making $venv with $where"
    "$python" -m venv "$venv"
    printf '%s' "$PWD $where" >"$venv/.python"
fi
say "installing nbstream[$extra] (a minute or two, once)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extra]" ||
    die "pip could not install nbstream[$extra]; its message is above. Is the network or the proxy there?"
rm -f "$venv"/.made-*
printf '%s' "$wanted" >"$venv/.made-$extra"
