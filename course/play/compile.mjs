// Compiles the Python in archives with the very Python that will run it, so that it starts faster: node compile.mjs
// FOLDER ARCHIVE... Each archive is replaced by one whose modules are compiled and need no source. The folder has
// Pyodide's runtime, too.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, ...archives] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`).href);
const lockFileContents = { info: JSON.parse(readFileSync(`${folder}/pyodide-lock.json`)).info, packages: {} };
const python = await loadPyodide({ indexURL: `${folder}/`, lockFileContents, packageBaseUrl: `${folder}/` });
python.runPython(`
import py_compile, warnings, zipfile
from pathlib import Path

def compiled(path):
    source, made = Path("/source.py"), Path("/made.pyc")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile("/new.zip", "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            name, content = info.filename, old.read(info)
            if name.endswith(".py"):
                source.write_bytes(content)
                try:
                    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                    py_compile.compile(str(source), str(made), dfile=name, doraise=True, invalidation_mode=mode)
                    name, content = name + "c", made.read_bytes()
                except py_compile.PyCompileError:
                    pass  # a template, or for another Python: it stays as it is
            new.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)

warnings.simplefilter("ignore")
`);
for (const name of archives) {
  python.FS.writeFile("/old.zip", readFileSync(`${folder}/${name}`));
  python.runPython('compiled("/old.zip")');
  writeFileSync(`${folder}/${name}`, python.FS.readFile("/new.zip"));
}
