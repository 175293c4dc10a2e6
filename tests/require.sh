#!/usr/bin/env bash
# Names what the machine lacks for `make`, each with the command that installs it.
# usage: tests/require.sh [build|python|format|node|browser]...
set -u
missing=()

need() { # what, command that installs it
    missing+=("  $1"$'\n'"      $2")
}

for want in "$@"; do
    case "$want" in
    build)
        if ! command -v cargo >/dev/null; then
            need "cargo (Rust 1.95 or newer)" "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        else
            version=$(rustc --version 2>/dev/null | sed -E 's/^rustc 1\.([0-9]+).*/\1/')
            [ "${version:-0}" -ge 95 ] 2>/dev/null || need "Rust 1.95 or newer (found: $(rustc --version 2>&1 | head -1))" "rustup update stable"
        fi
        command -v cc >/dev/null || need "a C compiler" "sudo apt-get install build-essential    (Fedora: sudo dnf install gcc)"
        ;;
    python)
        if ! command -v python3 >/dev/null || ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))'; then
            need "Python 3.9 or newer" "sudo apt-get install python3 python3-venv    (Fedora: sudo dnf install python3)"
        elif ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
            need "Python's venv module" "sudo apt-get install python3-venv"
        fi
        # Rust cells infer the types of variables from the standard library's sources.
        sysroot=$(rustc --print sysroot 2>/dev/null)
        if [ ! -d "${RUST_SRC_PATH:-}" ] && [ ! -d "$sysroot/lib/rustlib/src/rust/library" ]; then
            need "the Rust standard library's sources" "rustup component add rust-src    (Debian, without rustup's server: sudo apt-get install rust-web-src)"
        fi
        ;;
    format)
        cargo fmt --version >/dev/null 2>&1 || need "rustfmt" "rustup component add rustfmt"
        cargo clippy --version >/dev/null 2>&1 || need "clippy" "rustup component add clippy"
        ;;
    node)
        # Studio's build asks for 20.19.
        if ! command -v npm >/dev/null || ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 20 || (+a === 20 && +b >= 19) ? 0 : 1)' 2>/dev/null; then
            need "Node.js 20.19 or newer with npm (found: $(node --version 2>/dev/null || echo none))" "https://nodejs.org/en/download, or a recent distribution: sudo apt-get install nodejs npm    (Fedora: sudo dnf install nodejs)"
        fi
        ;;
    browser)
        command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
            need "Chromium (the tests of Studio and JupyterLab)" "sudo apt-get install chromium    (Fedora: sudo dnf install chromium)"
        ;;
    esac
done

if [ ${#missing[@]} -gt 0 ]; then
    echo "Missing on this machine:" >&2
    printf '%s\n' "${missing[@]}" >&2
    exit 1
fi
