// node list_with_npm_packlist.cjs FOLDER...: the files that npm packs of each package folder, as one JSON array of
// arrays, read the way npm pack reads them.
const Arborist = require("@npmcli/arborist");
const packlist = require("npm-packlist");

const list = async (path) => packlist(await new Arborist({ path }).loadActual());

(async () => {
  const shown = [];
  for (const folder of process.argv.slice(2)) shown.push(await list(folder));
  console.log(JSON.stringify(shown));
})();
