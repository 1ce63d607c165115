// The page: cells that run in Python, what they show, and a learner's work, kept in this browser and in files.

import { edit } from "./editor.js";
import { fromFile, newId, shared, toFile } from "./notebook.js";
import { alone, clearWork, readWork, writeWork } from "./store.js";

const settings = JSON.parse(document.getElementById("settings").textContent);
const { words, assignment, notebooks } = settings;
const said = (name, gaps = {}) => words[name].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
const find = (id) => document.getElementById(id);
const say = (name, gaps) => (find("status").textContent = said(name, gaps));
// Of files it is said beside their buttons: what is said of Python changes by itself.
const sayOfFiles = (name, gaps) => (find("files").textContent = said(name, gaps));
const FOLDER = `/home/pyodide/${assignment}`;
const MOST_KEPT = 200_000; // characters of a cell's outputs that are shown again after a reload

// ---- a learner's work -------------------------------------------------------------------------------------------------

const released = {}; // notebooks as they were released, by name
let progress = {}; // the files in .mlm, by name
let mayWrite = false;
let waiting = null;

const section = (notebook) => find(notebook);
const cellsOf = (notebook) => [...section(notebook).querySelectorAll(".cell")];
const box = (cell) => cell.querySelector("textarea");

function cellsNow(notebook) {
  return cellsOf(notebook).map((cell) => ({
    id: cell.dataset.cell,
    type: cell.classList.contains("code") ? "code" : "markdown",
    source: box(cell)?.value ?? "",
    shown: cell.shown ?? [],
  }));
}

const workNow = () => ({
  notebooks: Object.fromEntries(notebooks.map((name) => [name, cellsNow(name)])),
  progress,
});

function changed() {
  clearTimeout(waiting);
  waiting = setTimeout(keep, 300);
}

async function keep() {
  clearTimeout(waiting);
  if (!mayWrite) return;
  try {
    await writeWork(workNow());
  } catch (error) {
    sayOfFiles("not_kept", { why: error?.message ?? error });
  }
}

function show(notebook, cells) {
  for (const cell of cellsOf(notebook)) if (cell.classList.contains("own")) cell.remove();
  let before = null;
  for (const { id, type, source, shown = [] } of cells) {
    let cell = cellsOf(notebook).find((one) => one.dataset.cell === id);
    if (!cell && type === "code" && before) cell = ownCell(before, id);
    if (!cell) continue;
    if (box(cell) && !box(cell).readOnly) box(cell).value = source;
    box(cell)?.dispatchEvent(new Event("input"));
    clear(cell);
    shown.forEach((one) => showIn(cell, one));
    before = cell;
  }
}

// ---- cells ------------------------------------------------------------------------------------------------------------

function button(name, act, parent) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = said(name);
  made.className = name;
  made.addEventListener("click", act);
  parent.append(made);
  return made;
}

function prepare(cell, notebook) {
  if (!box(cell)) return;
  const own = cell.classList.contains("own");
  const code = cell.classList.contains("code");
  box(cell).setAttribute("aria-label", said(code ? (box(cell).readOnly ? "locked" : "code") : "memo", { cell: name(cell) }));
  box(cell).addEventListener("input", changed);
  edit(box(cell), code ? () => (enqueue(cell, notebook), next(cell, notebook)) : null);
  if (!code) return;
  const actions = document.createElement("div");
  actions.className = "actions";
  cell.append(actions);
  button("run", () => enqueue(cell, notebook), actions);
  button("add", () => box(ownCell(cell, newId())).focus(), actions);
  if (own) button("remove", () => (cell.remove(), changed()), actions);
  const output = document.createElement("div");
  output.className = "output";
  output.hidden = true;
  output.tabIndex = 0;
  output.setAttribute("role", "group");
  output.setAttribute("aria-live", "polite");
  output.setAttribute("aria-label", said("output", { cell: name(cell) }));
  cell.append(output);
}

const name = (cell) => cell.dataset.cell.replace(/^own-.*/, "+");

function next(cell, notebook) {
  const boxes = cellsOf(notebook).map(box).filter(Boolean);
  boxes[boxes.indexOf(box(cell)) + 1]?.focus();
}

function ownCell(before, id) {
  const cell = document.createElement("div");
  cell.className = "cell code own";
  cell.dataset.cell = id;
  const area = document.createElement("textarea");
  area.spellcheck = false;
  area.setAttribute("aria-describedby", "keys");
  cell.append(area);
  before.after(cell);
  prepare(cell, cell.closest("section").id);
  return cell;
}

function clear(cell) {
  const output = cell.querySelector(".output");
  if (output) {
    output.replaceChildren();
    output.hidden = true;
  }
  cell.shown = [];
}

function showIn(cell, { kind, text }) {
  const output = cell.querySelector(".output");
  if (!output) return;
  output.hidden = false;
  const last = output.lastElementChild;
  const kept = cell.shown.at(-1);
  if ((kind === "stdout" || kind === "stderr") && kept?.kind === kind) {
    last.append(text);
    kept.text += text;
    return;
  }
  const made = document.createElement(kind === "png" ? "img" : kind === "html" ? "div" : "pre");
  made.className = kind;
  // What a learner's own code shows as HTML; the page's policy lets no script in it run.
  if (kind === "html") {
    made.innerHTML = text;
    // The corner of a table of pandas is a heading without words, which screen readers announce all the same.
    made.querySelectorAll("th:empty").forEach((head) => head.replaceWith(document.createElement("td")));
  }
  if (kind === "png") Object.assign(made, { src: `data:image/png;base64,${text}`, alt: said("figure") });
  else if (kind !== "html") made.textContent = words[kind] && !text ? said(kind) : text;
  output.append(made);
  if (cell.shown.reduce((sum, one) => sum + one.text.length, text.length) < MOST_KEPT) cell.shown.push({ kind, text });
}

// ---- Python -----------------------------------------------------------------------------------------------------------

let worker, interrupt;
let isReady = false;
let running = null;
let isStopping = false;
let queue = [];

function enqueue(cell, notebook) {
  queue.push({ cell, notebook });
  cell.classList.add("waits");
  work();
}

function work() {
  find("stop").disabled = !(running || (isReady && queue.length));
  if (!isReady || running || !queue.length) return;
  running = queue.shift();
  find("stop").disabled = false;
  isStopping = false;
  running.cell.classList.remove("waits");
  running.cell.classList.add("runs");
  clear(running.cell);
  say("running");
  worker.postMessage({ kind: "run", notebook: running.notebook, source: box(running.cell).value });
}

function ended() {
  running?.cell.classList.remove("runs");
  running = null;
}

function dropQueue() {
  for (const { cell } of queue) cell.classList.remove("waits");
  queue = [];
}

async function startPython() {
  isReady = false;
  document.documentElement.dataset.python = "loading";
  say("loading");
  find("loaded").hidden = false;
  const release = await (await fetch("release.json")).text();
  const files = { "release.json": release };
  for (const [file, content] of Object.entries(progress)) files[`.mlm/${file}`] = content;
  if (settings.study) files[".mlm/study.json"] = JSON.stringify({ assignment });
  worker = new Worker("../python.js", { type: "module" });
  worker.onmessage = ({ data }) => heard(data);
  worker.onerror = (event) => heard({ kind: "failed", why: event.message ?? "python.js" });
  const parts = new URL("../parts/", location.href).href;
  worker.postMessage({ kind: "start", parts, runtime: settings.runtime, folder: FOLDER, files });
}

function heard(message) {
  const bar = find("loaded");
  if (message.kind === "loading") {
    bar.value = message.done / message.all;
  } else if (message.kind === "starting") {
    say("starting");
  } else if (message.kind === "shown") {
    if (running) showIn(running.cell, { kind: message.shown, text: message.text });
    if (message.shown === "error" || message.shown === "stopped") dropQueue();
  } else if (message.kind === "failed") {
    ended();
    dropQueue();
    say("failed", { why: message.why });
  } else {
    if (message.kind === "ready") {
      ({ interrupt } = message);
      isReady = true;
      bar.hidden = true;
      document.documentElement.dataset.python = "ready";
    }
    if (message.progress) find("progress").innerHTML = message.progress;
    if (message.kept) progress = message.kept;
    if (message.kind === "done") keep();
    ended();
    say("ready");
    work();
  }
}

// A cell is asked to end; one that does not, such as a long step inside a library, ends with Python itself.
function stop() {
  dropQueue();
  if (interrupt && !isStopping) {
    isStopping = true;
    interrupt[0] = 2;
    say("stopping");
    return;
  }
  worker.terminate();
  if (running) showIn(running.cell, { kind: "again", text: "" });
  ended();
  interrupt = undefined;
  find("stop").disabled = true;
  startPython();
}

// ---- files ------------------------------------------------------------------------------------------------------------

function download(file, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const withoutOutputs = (cells) => cells.map(({ id, type, source }) => ({ id, type, source }));

function downloadAll() {
  const { notebooks: kept } = workNow();
  for (const one of notebooks) kept[one] = withoutOutputs(kept[one]);
  download(`${assignment}-work.json`, JSON.stringify({ mlm: "work", assignment, notebooks: kept, progress }, null, 1));
}

async function open(file) {
  let content;
  try {
    content = JSON.parse(await file.text());
  } catch {
    content = null;
  }
  const isWork = content?.mlm === "work" && typeof content.notebooks === "object" && content.notebooks !== null;
  if (!isWork && !Array.isArray(content?.cells)) return sayOfFiles("not_a_file", { file: file.name });
  const target = notebooks
    .map((one) => [isWork ? 0 : shared(released[one], content), one])
    .reduce((best, one) => (one[0] > best[0] ? one : best))[1];
  const fits = isWork ? content.assignment === assignment : shared(released[target], content) > 0;
  if (!fits) return sayOfFiles("other_course", { file: file.name });
  if (!confirm(said("replace_sure", { file: file.name }))) return;
  try {
    if (isWork) {
      for (const one of notebooks) if (Array.isArray(content.notebooks[one])) show(one, content.notebooks[one]);
      progress = content.progress ?? {};
      await keep();
      return location.reload(); // Python reads the progress when it starts
    }
    show(target, fromFile(released[target], content));
  } catch {
    return sayOfFiles("not_a_file", { file: file.name });
  }
  await keep();
  section(target).scrollIntoView();
  sayOfFiles("opened", { file: file.name });
}

async function startOver() {
  if (!confirm(said("over_sure"))) return;
  mayWrite = false;
  await clearWork();
  location.reload();
}

// ---- beginning --------------------------------------------------------------------------------------------------------

// Resolves when the service worker gives this page its files; the page is loaded once more for that. Throws if it cannot.
async function served() {
  if (!navigator.serviceWorker || !navigator.locks) throw new Error("no service worker");
  const registered = await navigator.serviceWorker.register("../service-worker.js", { scope: "../" });
  const coming = registered.installing ?? registered.waiting ?? registered.active;
  await new Promise((resolve, reject) => {
    const look = () => {
      if (registered.active) resolve();
      else if (coming.state === "redundant") reject(new Error("service-worker.js"));
    };
    coming.addEventListener("statechange", look);
    look();
  });
  const again = `mlm-again ${location.pathname}`;
  if (self.crossOriginIsolated) return sessionStorage.removeItem(again);
  if (!sessionStorage.getItem(again)) {
    sessionStorage.setItem(again, "1");
    location.reload();
    await new Promise(() => {});
  }
  // Inside another page's frame memory cannot be shared: Stop then starts Python anew.
  if (!navigator.serviceWorker.controller) throw new Error("no service worker");
}

async function begin() {
  for (const one of notebooks) {
    cellsOf(one).forEach((cell) => prepare(cell, one));
    const all = section(one).querySelector(".all");
    all.disabled = false;
    all.addEventListener("click", () =>
      cellsOf(one).forEach((cell) => cell.classList.contains("code") && enqueue(cell, one)),
    );
    section(one).querySelector(".download").addEventListener("click", () =>
      download(`${one}.ipynb`, JSON.stringify(toFile(released[one], cellsNow(one)), null, 1) + "\n"),
    );
  }
  find("stop").addEventListener("click", stop);
  find("keep").addEventListener("click", downloadAll);
  find("over").addEventListener("click", startOver);
  find("open").addEventListener("change", async ({ target }) => {
    if (target.files[0]) await open(target.files[0]);
    target.value = "";
  });
  document.addEventListener("visibilitychange", () => document.hidden && keep());
  say("loading");
  try {
    await served();
  } catch {
    return say("no_worker");
  }
  await alone(() => say("elsewhere"));
  try {
    for (const one of notebooks) released[one] = await (await fetch(`${one}.ipynb`)).json();
    const work = await readWork();
    if (work) {
      for (const one of notebooks) if (work.notebooks[one]) show(one, work.notebooks[one]);
      progress = work.progress;
    }
    mayWrite = true;
    document.querySelectorAll("#keep, #open, #over, .download").forEach((one) => (one.disabled = false));
  } catch (error) {
    return say("failed", { why: error?.message ?? error });
  }
  await startPython();
}

begin();
