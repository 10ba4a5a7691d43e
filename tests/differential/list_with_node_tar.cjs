// Lists tarballs as npm's own reader sees them, one JSON line each:
// {"entries": [[path, bytes, sha256]], "others": [[type, path]], "complaints": [text]}
// Usage: NODE_PATH=<folder of tar> node list_with_node_tar.cjs LIST, a file with one path a line.
'use strict'
const { createHash } = require('crypto')
const { readFileSync } = require('fs')
const { Parser } = require('tar')

const isFile = type => type === 'File' || type === 'OldFile' || type === 'ContiguousFile'

async function list(path) {
  const seen = { entries: [], others: [], complaints: [] }
  const parser = new Parser({ onwarn: (code, message) => seen.complaints.push(`${code}: ${message}`) })
  const over = new Promise(resolve => {
    parser.on('end', resolve)
    parser.on('close', resolve)
    parser.on('error', error => { seen.complaints.push(`error: ${error.message}`); resolve() })
    setTimeout(resolve, 5000, 'late').unref()
  })
  parser.on('entry', entry => {
    if (!isFile(entry.type)) {
      seen.others.push([entry.type, entry.path])
      entry.resume()
      return
    }
    const hash = createHash('sha256')
    const record = [entry.path, 0, '']
    seen.entries.push(record)
    entry.on('data', data => { hash.update(data); record[1] += data.length })
    entry.on('end', () => { record[2] = hash.digest('hex') })
  })
  parser.on('ignoredEntry', entry => seen.others.push([entry.type, entry.path]))
  try {
    parser.end(readFileSync(path))
  } catch (error) {
    seen.complaints.push(`error: ${error.message}`)
  }
  if (await over === 'late') seen.complaints.push('never ended')
  return seen
}

async function main() {
  for (const path of readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
    process.stdout.write(JSON.stringify(await list(path)) + '\n')
  }
}
main()
