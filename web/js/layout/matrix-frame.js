// Where labels and cells of the matrix lie in its window, and what is under a point of it. Pure.

import { MATRIX, partAt } from './matrix.js';

/** @typedef {import('./matrix.js').Axis} Axis */
/** @typedef {{x: number, y: number, k: number}} View shift in CSS pixels and zoom */
/** @typedef {{width: number, height: number}} Room CSS pixels that labels and cells have */
/** @typedef {{hosts: number, names: number}} Band room for the labels of hosts and of endpoints */
/** @typedef {{left: Band, top: Band}} Bands */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Pane what shows cells; labels stand left of it and above */
/**
 * @typedef {{kind: 'cell', row: number, column: number} | {kind: 'line', line: number} | {kind: 'block', block: number, onMark: boolean}} Under
 */

/** From this size of a cell on the names of endpoints are drawn. */
export const NAMES_PX = 10.5;
/** Between the edge of the window and the labels of hosts. */
export const EDGE_PX = 8;
/** Room for the fold mark before a host's name. */
export const FOLD_MARK_PX = 15;
/** A column of cells this wide has the label of its host upright. */
export const UPRIGHT_PX = 46;
/** Larger cells are no easier to read. */
const MOST_ZOOM = 3.2;
const MARGIN_PX = 12;

/**
 * @param {Axis} axis
 * @param {number} longest characters of the longest name
 * @param {Room} room
 * @returns {Bands}
 */
export function planBands(axis, longest, room) {
  const open = axis.blocks.filter((block) => !block.folded);
  const names = open.length ? Math.round(Math.max(44, Math.min(112, longest * 6.4 + 16))) : 0;
  const left = { hosts: names ? 164 : 214, names };
  const upright = { left, top: { hosts: 40, names } };
  const { k } = fitView(axis, upright, room);
  const narrow = (names ? open : axis.blocks).some((block) => block.size * k < UPRIGHT_PX);
  return narrow ? { left, top: { hosts: 104, names } } : upright;
}

/** From afar there are no names. @param {Bands} planned @param {number} k @returns {Bands} */
export function bandsAt(planned, k) {
  if (MATRIX.cell * k >= NAMES_PX || planned.left.names === 0) return planned;
  return { left: { ...planned.left, names: 0 }, top: { ...planned.top, names: 0 } };
}

/** @param {Axis} axis @param {Bands} planned @param {Room} room @returns {View} that shows everything */
export function fitView(axis, planned, room) {
  const view = fitBeside(axis, planned, room, MOST_ZOOM);
  const afar = bandsAt(planned, view.k);
  return afar === planned ? view : fitBeside(axis, afar, room, (NAMES_PX / MATRIX.cell) * 0.999);
}

/** @param {Axis} axis @param {Bands} bands @param {Room} room @param {number} most @returns {View} */
function fitBeside(axis, { left, top }, { width, height }, most) {
  const [labels, heads] = [left.hosts + left.names, top.hosts + top.names];
  const length = Math.max(1, axis.length);
  const k = Math.max(0.001, Math.min((width - labels - 2 * MARGIN_PX) / length, (height - heads - MARGIN_PX) / length, most));
  const spareX = width - labels - length * k;
  const spareY = height - heads - length * k;
  return { k, x: Math.round(labels + Math.max(MARGIN_PX, spareX / 2 - labels / 4)), y: Math.round(heads + Math.max(2, Math.min(40, spareY / 2))) };
}

/** Labels stand beside the matrix, or stick to the edge when it goes beyond. @param {View} view @param {Bands} bands @param {Room} room @returns {Pane} */
export function paneOf(view, { left, top }, { width, height }) {
  return { left: Math.max(left.hosts + left.names, Math.round(view.x)), top: Math.max(top.hosts + top.names, Math.round(view.y)), right: width, bottom: height };
}

/** @param {Axis} axis @param {View} view @param {Bands} bands @param {Pane} pane @param {number} px @param {number} py @returns {Under|null} */
export function under(axis, view, bands, pane, px, py) {
  const [x, y] = [(px - view.x) / view.k, (py - view.y) / view.k];
  if (px > pane.right || py > pane.bottom) return null;
  if (px >= pane.left && py >= pane.top) {
    const [row, column] = [partAt(axis.lines, y), partAt(axis.lines, x)];
    return row < 0 || column < 0 ? null : { kind: 'cell', row, column };
  }
  if (py >= pane.top) {
    const across = px - (pane.left - bands.left.hosts - bands.left.names);
    return across < 0 ? null : label(axis, view.k, y, across < bands.left.hosts, across < EDGE_PX + FOLD_MARK_PX);
  }
  const down = py - (pane.top - bands.top.hosts - bands.top.names);
  return px < pane.left || down < 0 ? null : label(axis, view.k, x, down < bands.top.hosts, false);
}

/** @param {Axis} axis @param {number} k @param {number} at @param {boolean} onHost @param {boolean} onMark @returns {Under|null} */
function label(axis, k, at, onHost, onMark) {
  const block = partAt(axis.blocks, at);
  const part = axis.blocks[block];
  if (!part) return null;
  if (onHost || part.folded || part.gate || MATRIX.cell * k < NAMES_PX) return { kind: 'block', block, onMark };
  const line = partAt(axis.lines, at);
  return axis.lines[line]?.id ? { kind: 'line', line } : null;
}
