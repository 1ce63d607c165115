// Gives the page its files: from this browser's store, or from their address if they are what they were when the page
// was made. So the page starts again without a network, and nothing that was changed on its way is run. It also lets
// the page share memory with Python, which is how Stop reaches code that is running.
//
// BUILD and FILES (the SHA-256 of each file by its address) stand above this, written when the page was made.

const STORE = `mlm-play ${self.registration.scope} `;
const addresses = Object.entries(FILES).map(([name, hash]) => [new URL(name, self.registration.scope).href, hash]);
const hashes = new Map(addresses);

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // What the page itself is made of; the large parts are stored when Python asks for them.
  const small = addresses.filter(([url]) => url.startsWith(self.registration.scope) && !url.includes("/parts/"));
  event.waitUntil(Promise.all(small.map(([url]) => given(url))));
});

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  url.hash = url.search = "";
  if (url.pathname.endsWith("/")) url.pathname += "index.html";
  if (event.request.method === "GET" && hashes.has(url.href)) event.respondWith(given(url.href));
});

async function takeOver() {
  const old = (await caches.keys()).filter((name) => name.startsWith(STORE) && name !== STORE + BUILD);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function given(url) {
  const store = await caches.open(STORE + BUILD);
  let answer = await store.match(url);
  if (!answer) {
    // "no-cache": a file of an earlier build under the same name may still be in the browser's own cache.
    const options = { integrity: hashes.get(url), mode: "cors", credentials: "same-origin", cache: "no-cache" };
    answer = await fetch(url, options);
    if (!answer.ok) return answer;
    await store.put(url, answer.clone());
  }
  const headers = new Headers(answer.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "cross-origin");
  return new Response(answer.body, { status: 200, headers });
}
