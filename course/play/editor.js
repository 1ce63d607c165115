// What the keys do in a box of code, and how high it is. A plain text area is read by screen readers, works on phones,
// and needs nothing from elsewhere.

const INDENT = "    ";

export function edit(box, run) {
  let leaving = false;
  const grow = () => (box.rows = Math.max(run && !box.readOnly ? 2 : 1, box.value.split("\n").length));
  grow();
  box.addEventListener("input", grow);
  box.addEventListener("blur", () => (leaving = false));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run?.();
    } else if (event.key === "Escape") {
      leaving = true;
    } else if (event.key === "Tab" && run && !leaving && !box.readOnly) {
      event.preventDefault();
      shift(box, event.shiftKey);
    } else if (event.key === "Enter" && run && !box.readOnly) {
      event.preventDefault();
      const line = box.value.slice(0, box.selectionStart).split("\n").pop();
      insert(box, "\n" + line.match(/^ */)[0] + (/:\s*(#.*)?$/.test(line) ? INDENT : ""));
    }
  });
}

// Inserted as if it were typed, so that undo takes it back.
function insert(box, text) {
  document.execCommand("insertText", false, text) || box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function shift(box, back) {
  const { selectionStart: from, selectionEnd: to, value } = box;
  if (from === to && !back) return insert(box, INDENT);
  const first = value.lastIndexOf("\n", from - 1) + 1;
  const lines = value.slice(first, to).split("\n");
  const moved = lines.map((line) => (back ? line.replace(/^ {1,4}/, "") : INDENT + line)).join("\n");
  box.setSelectionRange(first, to);
  insert(box, moved);
  box.setSelectionRange(Math.max(first, from + moved.length - lines.join("\n").length), first + moved.length);
}
