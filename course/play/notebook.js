// Between the notebook as it was released (a file of Jupyter's) and what a learner made of it: an array of cells with
// an id, a type and a source each. Cells of the release keep their place and their metadata; others are the learner's.

const text = (source) => (Array.isArray(source) ? source.join("") : source);
const gradeId = (cell) => cell.metadata?.nbgrader?.grade_id;
const editable = (cell) =>
  cell.cell_type === "code" ? !cell.metadata?.nbgrader?.locked : Boolean(cell.metadata?.nbgrader?.solution);

// Returns the released notebook with a learner's cells in it, as Jupyter would save it without outputs.
export function toFile(released, cells) {
  const known = new Map(released.cells.map((cell, number) => [cell.id ?? `cell-${number}`, cell]));
  const made = cells.map(({ id, type, source }) => {
    const cell = known.get(id) ?? { cell_type: type, id, metadata: {} };
    const outputs = cell.cell_type === "code" ? { execution_count: null, outputs: [] } : {};
    return { ...cell, ...outputs, source: editable(cell) ? source : cell.source };
  });
  return { ...released, cells: made };
}

// Returns a learner's cells from a notebook file; what is locked in the release stays as it is.
export function fromFile(released, file) {
  const cells = released.cells.map((cell, number) => ({
    id: cell.id ?? `cell-${number}`,
    type: cell.cell_type,
    source: text(cell.source),
  }));
  let last = -1;
  for (const cell of file.cells) {
    const place = released.cells.findIndex((known) => same(known, cell));
    if (place >= 0) {
      last = cells.findIndex(({ id }) => id === (released.cells[place].id ?? `cell-${place}`));
      if (editable(released.cells[place])) cells[last].source = text(cell.source);
    } else if (cell.cell_type === "code" && text(cell.source).trim()) {
      cells.splice(++last, 0, { id: newId(), type: "code", source: text(cell.source) });
    }
  }
  return cells;
}

// Says how many answer cells of a release a file has: which notebook it is, if any.
export const shared = (released, file) =>
  released.cells.filter((cell) => gradeId(cell) && file.cells.some((other) => same(cell, other))).length;

const same = (known, cell) =>
  gradeId(known) ? gradeId(known) === gradeId(cell) : Boolean(known.id) && known.id === cell.id;

export const newId = () => `own-${crypto.randomUUID().slice(0, 13)}`;
