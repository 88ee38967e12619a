// Rows and columns of the matrix: the endpoints host by host, in the order of the street. Pure.

import { OUTSIDE, ROUTERS, UNPLACED } from '../model/graph-model.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('./slots.js').Slots} Slots */

/** In units of the matrix: one unit is a CSS pixel at zoom 1. */
export const MATRIX = { cell: 16, folded: 32, gate: 21, gap: 5 };

/** More lines than this cannot be told apart: hosts start folded. */
const MOST_UNFOLDED = 150;
/** Nor can cells that are smaller than this on the screen. */
const LEAST_CELL_PX = 5;

/**
 * A row, and the column of the same number.
 * @typedef {object} Line
 * @property {string|null} id of the endpoint; null for a whole place, and where somebody has left
 * @property {string} place
 * @property {boolean} whole a folded host, or a gate, as one line
 * @property {number} start
 * @property {number} size
 * @property {number} block number of its block
 */
/**
 * @typedef {object} Block
 * @property {string} place
 * @property {boolean} folded
 * @property {boolean} gate Outside or Routers: always one line
 * @property {number} first its first line
 * @property {number} count of its lines
 * @property {number} start
 * @property {number} size
 * @property {number} endpoints
 */
/**
 * @typedef {object} Axis
 * @property {Line[]} lines
 * @property {Block[]} blocks
 * @property {Map<string, number>} lineOfNode
 * @property {Map<string, number>} lineOfPlace places that are one line
 * @property {Map<string, Block>} blockOf by place
 * @property {number} length
 */

/** Hosts as the street has them; then endpoints without a host. @param {Slots} slots @returns {string[]} */
export function blockOrder({ houses }) {
  return [...houses.filter((place) => place !== UNPLACED), ...houses.filter((place) => place === UNPLACED)];
}

/**
 * @param {Slots} slots
 * @param {GraphModel} model
 * @param {ReadonlySet<string>} folded hosts that are one line
 * @returns {Axis}
 */
export function layAxis(slots, model, folded) {
  /** @type {Axis} */
  const axis = { lines: [], blocks: [], lineOfNode: new Map(), lineOfPlace: new Map(), blockOf: new Map(), length: 0 };
  for (const place of blockOrder(slots)) {
    const gone = slots.ghosts[place];
    const ids = (slots.tiles[place] ?? []).map((id) => (gone && id in gone ? null : id));
    addBlock(axis, place, folded.has(place) ? null : ids, ids.filter((id) => id !== null).length, false);
  }
  for (const gate of [ROUTERS, OUTSIDE]) {
    const nodes = model.places.get(gate);
    if (nodes) addBlock(axis, gate, null, nodes.length, true);
  }
  return axis;
}

/** @param {Axis} axis @param {string} place @param {(string|null)[]|null} ids null makes it one line @param {number} endpoints @param {boolean} gate */
function addBlock(axis, place, ids, endpoints, gate) {
  const before = axis.blocks.at(-1);
  const lone = ids === null; // folded hosts stand close together
  const start = axis.length + (!before || (lone && before.folded && gate === before.gate) ? 0 : MATRIX.gap);
  const first = axis.lines.length;
  const block = axis.blocks.length;
  let at = start;
  for (const id of ids ?? [null]) {
    const size = gate && axis.lineOfNode.size > 0 ? MATRIX.gate : lone ? MATRIX.folded : MATRIX.cell;
    if (id !== null) axis.lineOfNode.set(id, axis.lines.length);
    axis.lines.push({ id, place, whole: lone, start: at, size, block });
    at += size;
  }
  if (lone) axis.lineOfPlace.set(place, first);
  const made = { place, folded: lone, gate, first, count: axis.lines.length - first, start, size: at - start, endpoints };
  axis.blocks.push(made);
  axis.blockOf.set(place, made);
  axis.length = at;
}

/** @param {Axis} axis @param {string} id of an endpoint @param {string} place where it stands @returns {number} its line, or that of its folded place; -1 when it has none */
export function lineOf(axis, id, place) {
  return axis.lineOfPlace.get(place) ?? axis.lineOfNode.get(id) ?? -1;
}

/** @param {{start: number}[]} parts in order @param {number} at @returns {number} the last part that starts at or before a position, -1 before the first */
function lastBefore(parts, at) {
  let [low, high] = [0, parts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {{start: number}} */ (parts[middle]).start <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** @template {{start: number, size: number}} Part @param {Part[]} parts @param {number} at @returns {number} the part at a position, -1 in a gap and beyond the ends */
export function partAt(parts, at) {
  const index = lastBefore(parts, at);
  const part = parts[index];
  return part && at < part.start + part.size ? index : -1;
}

/** @param {{start: number, size: number}[]} parts @param {number} from @param {number} to @returns {[number, number]} first and last part that touch a stretch; the first is greater when there is none */
export function partsWithin(parts, from, to) {
  const before = lastBefore(parts, from);
  const part = parts[before];
  return [part && part.start + part.size > from ? before : before + 1, lastBefore(parts, to)];
}

/**
 * Which hosts start folded: all of them when single endpoints could not be told apart, unless there is but one.
 * @param {Slots} slots
 * @param {GraphModel} model
 * @param {number} room CSS pixels for all lines
 * @returns {Set<string>}
 */
export function startFolded(slots, model, room) {
  const open = layAxis(slots, model, new Set());
  const tight = open.lineOfNode.size > MOST_UNFOLDED || (room / open.length) * MATRIX.cell < LEAST_CELL_PX;
  return new Set(tight && slots.houses.length > 1 ? slots.houses : []);
}
