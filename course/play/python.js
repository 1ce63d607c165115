// Python, in a worker so that the page stays alive while a cell runs. It is told what to do by messages, one at a time.

const send = (kind, more) => self.postMessage({ kind, ...more });
let python, session, interrupt;

self.onmessage = async ({ data }) => {
  try {
    await (data.kind === "start" ? start(data) : run(data));
  } catch (error) {
    send("failed", { why: String(error?.message ?? error).split("\n").slice(-2).join(" ").slice(0, 300) });
  }
};

async function start({ parts, runtime, folder, files }) {
  const lock = await (await fetch(`${parts}pyodide-lock.json`)).json();
  const base = runtime || parts;
  const first = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"].map((name) => base + name);
  const names = needed(lock.packages, "mlm-course");
  const wheels = names.map((name) => new URL(lock.packages[name].file_name, parts).href);
  const all = first.length + wheels.length + 3; // and three steps after the last part is there
  let done = 0;
  const step = () => send("loading", { done: ++done, all });
  // Asked for all at once; the service worker compares each with its hash and keeps it, so that no second way is made.
  const fetched = (urls) =>
    Promise.all(urls.map(async (url) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${url} (${answer.status})`);
      await answer.arrayBuffer();
      step();
    }));
  const packages = fetched(wheels);
  packages.catch(() => {}); // told of below, when it is waited for
  await fetched(first);
  const { loadPyodide } = await import(first[0]);
  python = await loadPyodide({ indexURL: base, lockFileContents: lock, packageBaseUrl: parts });
  await packages;
  step();
  send("starting");
  await python.loadPackage(names, { messageCallback: () => {} });
  step();
  python.FS.mkdirTree(`${folder}/.mlm`);
  python.FS.chdir(folder);
  for (const [name, content] of Object.entries(files)) python.FS.writeFile(name, content);
  const Session = python.pyimport("autograder.play.session").Session;
  session = Session((kind, text) => send("shown", { shown: kind, text }));
  // What every notebook begins with is read now rather than in the learner's first cell.
  python.runPython("import autograder.student, pandas, statsmodels.formula.api");
  if (self.crossOriginIsolated) {
    interrupt = new Uint8Array(new SharedArrayBuffer(1));
    python.setInterruptBuffer(interrupt);
  }
  send("ready", { interrupt, progress: session.progress() });
}

async function run({ notebook, source }) {
  await python.loadPackagesFromImports(source, { messageCallback: () => {} }).catch(() => {});
  const before = session.kept();
  if (interrupt) interrupt[0] = 0;
  try {
    session.run(notebook, source);
  } catch (error) {
    // Stop came between two steps of ours, outside the cell.
    if (error?.type !== "KeyboardInterrupt") throw error;
    send("shown", { shown: "stopped", text: "" });
  }
  if (interrupt) interrupt[0] = 0;
  const kept = session.kept();
  send("done", kept === before ? {} : { kept: JSON.parse(kept), progress: session.progress() });
}

// Returns a package of a lock and all that it needs.
function needed(packages, name, found = new Set()) {
  if (!found.has(name)) {
    found.add(name);
    for (const other of packages[name].depends) needed(packages, other, found);
  }
  return [...found];
}
