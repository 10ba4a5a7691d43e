// What npm itself says of attestations, one JSON line each: {"name", "taken", "why"}. It runs npm's own check of a
// provenance file (subject, then Sigstore's verification), against our trust root instead of a downloaded one.
// Usage: NODE_PATH=<node_modules> node verify_with_npm.cjs FOLDER NPM, a folder of `attestations --write` and the
// name of an npm in node_modules.
'use strict'
const { createHash } = require('crypto')
const { mkdtempSync, readFileSync, writeFileSync } = require('fs')
const Module = require('module')
const { tmpdir } = require('os')
const { dirname, join } = require('path')

const [folder, client] = process.argv.slice(2)
const npm = dirname(require.resolve(`${client}/package.json`))
const inside = name => require(require.resolve(name, { paths: [npm] }))

const { bundleFromJSON } = inside('@sigstore/bundle')
const { TrustedRoot } = inside('@sigstore/protobuf-specs')
const { Verifier, toSignedEntity, toTrustMaterial } = inside('@sigstore/verify')
const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(join(folder, 'trusted_root.json'))))
const verifier = new Verifier(toTrustMaterial(root))

// As `sigstore` does after its download of the trust root.
const sigstore = { verify: async json => verifier.verify(toSignedEntity(bundleFromJSON(json))) }
const load = Module._load
Module._load = function (request, ...rest) {
  return request === 'sigstore' ? sigstore : load.call(this, request, ...rest)
}
const { verifyProvenance } = inside('libnpmpublish/lib/provenance.js')

async function main() {
  const sha512 = createHash('sha512').update(readFileSync(join(folder, 'tarball'))).digest('hex')
  const subject = { name: 'pkg:npm/%40acme/lib@1.2.3', digest: { sha512 } }
  const file = join(mkdtempSync(join(tmpdir(), 'attestation-')), 'bundle.json')
  for (const { name, bundle } of JSON.parse(readFileSync(join(folder, 'index.json')))) {
    writeFileSync(file, Buffer.from(bundle, 'base64'))
    const why = await verifyProvenance(subject, file).then(() => '', error => String(error.message || error))
    process.stdout.write(JSON.stringify({ name, taken: why === '', why }) + '\n')
  }
}
main()
