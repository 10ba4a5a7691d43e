"""Published tarballs, fetched once through the registry that npm on this machine is configured with and kept beside
the clients."""

import subprocess
import tempfile
from pathlib import Path

from support import tools

# Popular packages of each packer and year; the last line is from before npm wrote archives as it does today.
OF_FIFTEEN_YEARS = """
react@19.3.1 lodash@4.18.1 express@5.3.0 chalk@5.6.2 axios@1.21.1 webpack@5.112.2 vite@8.3.8 esbuild@0.28.2
eslint@10.15.0 debug@4.4.3 semver@7.8.6 commander@14.0.3 underscore@1.13.8 core-js@3.51.0 rxjs@7.8.2 uuid@14.0.3
zod@4.6.7 vue@3.5.45 @babel/core@7.29.13 @types/node@26.6.6 moment@2.31.0 tslib@2.9.1 glob@14.0.6 yargs@18.2.0
dotenv@18.0.10 bluebird@3.7.2 node-fetch@3.3.2 left-pad@1.3.0 is-odd@3.0.1 date-fns@4.4.0 svelte@5.57.3
request@2.88.2 async@0.9.0 jquery@1.7.2 express@3.0.0 coffee-script@1.6.3 inherits@1.0.0 underscore@1.0.3
""".split()

# Their `files` are written in many ways: folders, globs, negations, single files, none; the last bundle others.
WITH_UNLIKE_FILES = """
prettier@3.2.5 sharp@0.33.3 bcrypt@5.1.1 node-gyp@10.1.0 rollup@4.14.0 mocha@10.4.0 nodemon@3.1.0 d3@7.9.0
bootstrap@5.3.3 socket.io@4.7.5 ws@8.16.0 mongoose@8.2.4 knex@3.1.0 pino@8.19.0 winston@3.13.0 yaml@2.4.1
ajv@8.12.0 acorn@8.11.3 terser@5.30.0 postcss@8.4.38 tailwindcss@3.4.3 karma@6.4.3 grunt@1.6.1 husky@9.0.11
pm2@5.3.1 cross-env@7.0.3 node-sass@9.0.0 npm@10.5.0
""".split()


def tarballs(specs):
    """The paths of the tarballs of NAME@VERSION, in the order of `specs`."""
    store = tools.clients_folder().parent.parent / "packages"
    store.mkdir(exist_ok=True)
    folders = {spec: store / spec.replace("/", "+") for spec in specs}
    missing = [spec for spec, folder in folders.items() if not list(folder.glob("*.tgz"))]
    if missing:
        npm = [tools.node(), tools.clients_folder() / "npm11/bin/npm-cli.js"]
        with tempfile.TemporaryDirectory(dir=store) as fetched:
            subprocess.run([*npm, "pack", "--silent", "--pack-destination", fetched, *missing], check=True, cwd=fetched,
                           stdout=subprocess.DEVNULL)
            for spec in missing:
                name, _, version = spec.rpartition("@")
                file = f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
                folders[spec].mkdir(exist_ok=True)
                (Path(fetched) / file).rename(folders[spec] / file)
    return [next(folder.glob("*.tgz")) for folder in folders.values()]
