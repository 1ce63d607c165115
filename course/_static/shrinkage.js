"use strict";
// The explorer of shrinkage: how far the random-intercept model draws each store's own mean towards the average.
const shrinkage = {
  /** The share of its distance from the average that a group keeps, for so many rows and these two variances. */
  kept(rows, between, within) {
    return (rows * between) / (rows * between + within);
  },
  /** The groups' conditional modes, from their own mean distances from the average. */
  modes(distances, rows, between, within) {
    return distances.map((distance) => distance * shrinkage.kept(rows, between, within));
  },
  start(root) {
    const distances = JSON.parse(root.dataset.distances);
    const inputs = Object.fromEntries([...root.querySelectorAll("input")].map((input) => [input.name, input]));
    const picture = root.querySelector("svg"), said = root.querySelector("p");
    const across = (value) => 200 + (180 * value) / Math.max(...distances.map(Math.abs));
    const show = () => {
      const [rows, between, within] = ["rows", "between", "within"].map((name) => Number(inputs[name].value));
      for (const input of Object.values(inputs)) input.nextElementSibling.textContent = input.value;
      const modes = shrinkage.modes(distances, rows, between, within);
      picture.innerHTML = `<line class="average" x1="200" x2="200" y1="0" y2="${12 * distances.length + 8}"/>` +
        distances.map((own, row) => {
          const [x, to, y] = [across(own), across(modes[row]), 12 * row + 10];
          return `<line x1="${x}" x2="${to}" y1="${y}" y2="${y}"/><circle class="own" cx="${x}" cy="${y}" r="4"/>` +
            `<circle cx="${to}" cy="${y}" r="4"/>`;
        }).join("");
      said.textContent = `A store keeps ${(100 * shrinkage.kept(rows, between, within)).toFixed(1)} % of its distance ` +
        "from the average.";
    };
    root.addEventListener("input", show);
    show();
  },
};
document.querySelectorAll(".shrinkage").forEach(shrinkage.start);
