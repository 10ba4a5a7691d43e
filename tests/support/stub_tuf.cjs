// node --require: npm first looks over the network for a registry's keys among those that Sigstore publishes. Here
// it finds none there, as for any private registry, and goes on with what the registry itself says. The check of
// an attestation against Sigstore's own trust root is left out (stub_sigstore.cjs).
require('./stub_sigstore.cjs')
const Module = require('node:module')
const load = Module._load
const none = Object.assign(new Error('no such target'), { code: 'TUF_FIND_TARGET_ERROR' })
Module._load = function (request, ...rest) {
  if (request !== '@sigstore/tuf') return load.call(this, request, ...rest)
  return { initTUF: async () => ({ getTarget: async () => { throw none } }) }
}
