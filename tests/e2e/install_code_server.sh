#!/usr/bin/env bash
# VS Code as a server, from npm, into a folder: install_code_server.sh VERSION FOLDER
# No install script of a package runs; only the native modules that the server needs are built.
set -euo pipefail
version=$1
mkdir -p "$2"
cd "$2"
# The headers that lie beside the program, so that none are fetched, and none of another version are taken.
node_home=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
[ ! -d "$node_home/include/node" ] || export npm_config_nodedir=$node_home
flags=(--silent --no-audit --no-fund --ignore-scripts)
[ -f package.json ] || echo '{"name":"code-server-for-tests","private":true}' > package.json
npm install "${flags[@]}" "code-server@$version"
npm rebuild argon2 > build.log 2>&1
cd node_modules/code-server/lib/vscode
npm install "${flags[@]}" --omit=dev
for module in @vscode/spdlog node-pty native-watchdog @vscode/native-watchdog; do
    # The last step of node-pty's script wants a program that is not needed; the module is built before it.
    [ ! -d "node_modules/$module" ] || npm rebuild "$module" >> ../../../../build.log 2>&1 || true
done
ln -sfn node_modules node_modules.asar
(cd extensions && npm install "${flags[@]}" --omit=dev)
