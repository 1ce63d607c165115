// Runs notebooks in the Python of a page's folder, under node: node run_notebooks.mjs FOLDER ASSIGNMENT NOTEBOOK...
// Prints a line of JSON for each cell: its notebook, its id, and what it showed. Between notebooks everything is kept,
// as on the page.
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [play, assignment, ...notebooks] = process.argv.slice(2);
const parts = `${resolve(play)}/parts/`;
const lock = JSON.parse(readFileSync(`${parts}pyodide-lock.json`, "utf8"));
const { loadPyodide } = await import(pathToFileURL(`${parts}pyodide.mjs`).href);
const quiet = () => {};
const python = await loadPyodide({ indexURL: parts, lockFileContents: lock, packageBaseUrl: parts, stdout: quiet });
await python.loadPackage(["mlm-course"], { messageCallback: quiet });
const folder = `/home/pyodide/${assignment}`;
python.FS.mkdirTree(folder);
python.FS.chdir(folder);
python.FS.writeFile("release.json", readFileSync(`${play}/${assignment}/release.json`));
let shown = [];
const session = python.pyimport("autograder.play.session").Session((kind, text) => shown.push([kind, text]));
for (const path of notebooks) {
  const { cells } = JSON.parse(readFileSync(path, "utf8"));
  for (const cell of cells.filter((one) => one.cell_type === "code")) {
    const source = [].concat(cell.source).join("");
    await python.loadPackagesFromImports(source, { messageCallback: quiet });
    shown = [];
    const began = performance.now();
    session.run(basename(path, ".ipynb"), source);
    const seconds = (performance.now() - began) / 1000;
    console.log(JSON.stringify({ notebook: basename(path, ".ipynb"), cell: cell.id, source, shown, seconds }));
  }
}
