// A learner's work in this browser: one record, written by one tab at a time.

const NAME = `mlm-play ${location.pathname}`;

function database() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("work");
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function ask(mode, what) {
  const opened = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = opened.transaction("work", mode);
      const asked = what(transaction.objectStore("work"));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    opened.close();
  }
}

export const readWork = () => ask("readonly", (store) => store.get("all"));
export const writeWork = (work) => ask("readwrite", (store) => store.put(work, "all"));
export const clearWork = () => ask("readwrite", (store) => store.delete("all"));

// Resolves when this is the only tab with these exercises, and keeps it so until the tab is closed; says first if
// another one has them.
export function alone(sayElsewhere) {
  return new Promise((resolve) => {
    const kept = () => (resolve(), new Promise(() => {}));
    navigator.locks.request(NAME, { ifAvailable: true }, (lock) => {
      if (lock) return kept();
      sayElsewhere();
      navigator.locks.request(NAME, kept);
    });
  });
}
