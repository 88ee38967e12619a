// Cells of the matrix: what each pair of lines has with each other, and an index of them by row. Pure.

import { isDrawn } from '../model/graph-model.js';
import { addTo as addToSplit } from '../model/headline.js';
import { lineOf } from './matrix.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('./matrix.js').Axis} Axis */
/** @typedef {[fill: string, share: number]} Part a colour token or texture, and how much of the cell it takes */

/**
 * Two lines with their traffic; a pair is unordered, so a cell stands for both of its triangles.
 * @typedef {object} Cell
 * @property {number} row the smaller line
 * @property {number} column
 * @property {Pair[]} pairs
 * @property {Split} split
 * @property {Lane|null} lane of all its pairs; null when they differ
 * @property {Part[]} parts
 * @property {number} strength 0 to 1, by the logarithm of its bytes
 */
/**
 * @typedef {object} Cells
 * @property {Cell[]} list
 * @property {(one: number, other: number) => Cell|undefined} at
 * @property {Int32Array} rowStart where each row starts in the next two; one more than there are rows
 * @property {Int32Array} columns filled columns of every row in order, both triangles
 * @property {Int32Array} cellOf the cell of each of them
 */

/** A cell with this many times fewer bytes than the largest is as faint as a cell can be. */
const DECADES = 5;
/** Least share of a cell that a part takes, so that it is seen. */
const LEAST_PART = 0.15;

/** @type {Partial<Record<Lane, Part[]>>} */
const PARTS = { stayed: [['stay', 1]], left: [['tex-leave', 1]], hairpin: [['tex-hair', 1]], undetermined: [['tex-unk', 1]] };

/**
 * The most that two places have with each other: full strength, whatever is folded, filtered or in range.
 * @param {GraphModel} whole
 */
export function largestSum(whole) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  let most = 1;
  for (const pair of whole.pairs) {
    if (!isDrawn(pair)) continue;
    const { placeA, placeB, edge } = pair;
    const key = placeA < placeB ? `${placeA}\u0000${placeB}` : `${placeB}\u0000${placeA}`;
    const sum = (sums.get(key) ?? 0) + edge.wire_bytes;
    sums.set(key, sum);
    if (sum > most) most = sum;
  }
  return most;
}

/** @param {number} bytes @param {number} most */
function strengthOf(bytes, most) {
  return bytes <= 0 ? 0 : Math.max(0, Math.min(1, 1 - Math.log10(most / bytes) / DECADES));
}

/**
 * @param {Axis} axis
 * @param {Pair[]} pairs that are shown and drawn
 * @param {number} most bytes of the strongest cell
 * @returns {Cells}
 */
export function cellsOf(axis, pairs, most) {
  const lines = axis.lines.length;
  /** @type {Map<number, Cell>} */
  const byKey = new Map();
  for (const pair of pairs) {
    const p = lineOf(axis, pair.a.id, pair.placeA);
    const q = lineOf(axis, pair.b.id, pair.placeB);
    if (p < 0 || q < 0) continue;
    const [row, column] = p < q ? [p, q] : [q, p];
    const key = row * lines + column;
    let cell = byKey.get(key);
    if (!cell) {
      cell = { row, column, pairs: [], split: { total: 0, stayed: 0, left: 0, hairpin: 0, undetermined: 0 }, lane: pair.lane, parts: [], strength: 0 };
      byKey.set(key, cell);
    }
    addTo(cell, pair);
  }
  const list = [...byKey.values()];
  for (const cell of list) {
    cell.parts = partsOf(cell);
    cell.strength = strengthOf(cell.split.total, most);
  }
  return { list, at: (one, other) => byKey.get(Math.min(one, other) * lines + Math.max(one, other)), ...rowsOf(list, lines) };
}

/** @param {Cell} cell @param {Pair} pair */
function addTo(cell, pair) {
  addToSplit(cell.split, pair);
  if (pair.lane !== cell.lane) cell.lane = null;
  cell.pairs.push(pair);
}

/** Pairs of one lane fill the cell with it; else, and where a pair is mixed, each part takes its share of bytes. @param {Cell} cell @returns {Part[]} */
function partsOf({ lane, split }) {
  const whole = lane === null ? undefined : PARTS[lane];
  if (whole) return whole;
  /** @type {Part[]} */
  const present = /** @type {Part[]} */ ([['stay', split.stayed], ['tex-leave', split.left - split.hairpin], ['tex-hair', split.hairpin], ['tex-unk', split.undetermined]])
    .filter(([, bytes]) => bytes > 0);
  const sum = present.reduce((total, [, bytes]) => total + Math.max(bytes / split.total, LEAST_PART), 0);
  return present.map(([fill, bytes]) => [fill, Math.max(bytes / split.total, LEAST_PART) / sum]);
}

/** @param {Cell[]} list @param {number} lines @returns {Pick<Cells, 'rowStart'|'columns'|'cellOf'>} */
function rowsOf(list, lines) {
  const rowStart = new Int32Array(lines + 1);
  for (const { row, column } of list) {
    rowStart[row + 1] = (rowStart[row + 1] ?? 0) + 1;
    if (row !== column) rowStart[column + 1] = (rowStart[column + 1] ?? 0) + 1;
  }
  for (let i = 0; i < lines; i += 1) rowStart[i + 1] = (rowStart[i + 1] ?? 0) + (rowStart[i] ?? 0);
  const entries = rowStart[lines] ?? 0;
  const columns = new Int32Array(entries);
  const cellOf = new Int32Array(entries);
  const next = rowStart.slice();
  const put = (/** @type {number} */ row, /** @type {number} */ column, /** @type {number} */ cell) => {
    const at = next[row] ?? 0;
    columns[at] = column;
    cellOf[at] = cell;
    next[row] = at + 1;
  };
  // going through the cells by row and then by column fills the rows of both triangles in order
  const order = Array.from(list.keys()).sort((p, q) => {
    const [one, other] = [/** @type {Cell} */ (list[p]), /** @type {Cell} */ (list[q])];
    return one.row - other.row || one.column - other.column;
  });
  for (const index of order) {
    const { row, column } = /** @type {Cell} */ (list[index]);
    if (row !== column) put(column, row, index);
  }
  for (const index of order) {
    const { row, column } = /** @type {Cell} */ (list[index]);
    put(row, column, index);
  }
  return { rowStart, columns, cellOf };
}

/** @param {Cells} cells @param {number} row @param {number} column @returns {number} place in the index of the row's first filled column at or after one */
export function firstFrom(cells, row, column) {
  let [low, high] = [cells.rowStart[row] ?? 0, cells.rowStart[row + 1] ?? 0];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cells.columns[middle] ?? 0) < column) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {Cell} cell @returns {string} colour token or texture of its largest part */
export function largestPart({ parts }) {
  let [fill, most] = ['', 0];
  for (let i = 0; i < parts.length; i += 1) {
    const part = /** @type {Part} */ (parts[i]);
    if (part[1] > most) [fill, most] = part;
  }
  return fill;
}
