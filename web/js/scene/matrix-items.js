// The whole matrix as items, for painters that draw everything at once, such as an export. Pure.

import { MATRIX } from '../layout/matrix.js';
import { UNPLACED } from '../model/graph-model.js';
import { hairpinMark } from './items.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./matrix-picture.js').Picture} Picture */
/** @typedef {import('../layout/matrix.js').Axis} Axis */
/** @typedef {import('../layout/matrix.js').Block} Block */
/** @typedef {import('../layout/matrix-cells.js').Cell} Cell */
/** @typedef {import('../layout/street.js').Rect} Rect */

const ROOM = { hosts: 160, names: 104, heads: 96 };
/** The faintest that a cell gets. */
const LEAST_ALPHA = 0.45;

/** @param {Cell} cell @returns {number} how strongly it is drawn */
export function alphaOf(cell) {
  return LEAST_ALPHA + (1 - LEAST_ALPHA) * cell.strength;
}

/**
 * @param {Picture} picture of matrix-picture.js
 * @returns {{items: Item[], bounds: Rect}}
 */
export function matrixScene(picture) {
  const { axis, marks } = picture;
  const { length } = axis;
  const names = axis.lineOfNode.size > 0 ? ROOM.names : 0;
  const [left, top] = [ROOM.hosts + names + 8, ROOM.heads + names + 8];
  /** @type {Item[]} */
  const items = [
    { kind: 'rect', x: 0, y: 0, w: length, h: length, fill: 'box' },
    ...axis.blocks.flatMap((block) => groundItems(axis, block)),
    ...marks.bands.flatMap(({ start, size }) => /** @type {Item[]} */ ([
      { kind: 'rect', x: 0, y: start, w: length, h: size, fill: 'sel', alpha: 0.075 }, { kind: 'rect', x: start, y: 0, w: size, h: length, fill: 'sel', alpha: 0.075 },
    ])),
    ...picture.cells.list.flatMap((cell) => cellItems(axis, cell)),
    ...axis.blocks.flatMap((block) => frameItems(axis, block)),
    ...marks.frames.map((frame) => /** @type {Item} */ ({ kind: 'rect', ...frame, stroke: 'sel', lw: 2.6 })),
    ...nameItems(picture),
    ...axis.blocks.flatMap((block, i) => hostItems(picture, block, i, names)),
  ];
  return { items, bounds: { x: -left, y: -top, w: length + left + 8, h: length + top + 8 } };
}

/** @param {Axis} axis @param {Block} block @returns {Item[]} */
function groundItems({ length }, { gate, place, start, size }) {
  if (gate) return [{ kind: 'rect', x: start, y: 0, w: size, h: length, fill: 'street' }, { kind: 'rect', x: 0, y: start, w: length, h: size, fill: 'street' }];
  return place === UNPLACED ? [] : [{ kind: 'rect', x: start, y: start, w: size, h: size, fill: 'stay-soft' }];
}

/** Both triangles. @param {Axis} axis @param {Cell} cell @returns {Item[]} */
function cellItems({ lines }, cell) {
  const [one, other] = [lines[cell.row], lines[cell.column]];
  if (!one || !other) return [];
  const places = one === other ? [[one, one]] : [[one, other], [other, one]];
  return places.flatMap(([across = one, along = other]) => {
    let x = along.start + 0.5;
    /** @type {Item[]} */
    const items = [];
    for (const [fill, share] of cell.parts) {
      const w = (along.size - 1) * share;
      items.push({ kind: 'rect', x, y: across.start + 0.5, w, h: across.size - 1, fill, alpha: alphaOf(cell) });
      x += w;
    }
    if (cell.lane === 'hairpin') items.push({ kind: 'rect', x: along.start + along.size / 2 - 5, y: across.start + across.size / 2 - 5, w: 10, h: 10, r: 5, fill: 'panel' }, ...hairpinMark(along.start + along.size / 2 - 4, across.start + across.size / 2 - 3.6, 0.5));
    return items;
  });
}

/** @param {Axis} axis @param {Block} block @returns {Item[]} */
function frameItems({ length }, { gate, place, start, size }) {
  const [from, to] = [start - MATRIX.gap / 2, start + size + MATRIX.gap / 2];
  const unknown = place === UNPLACED;
  /** @type {Item[]} */
  const lines = start === 0 ? [] : [{ kind: 'path', d: `M${from} 0V${length}M0 ${from}H${length}`, stroke: 'boxline', lw: 0.8 }];
  if (gate) return [...lines, ...(to > length ? [] : /** @type {Item[]} */ ([{ kind: 'path', d: `M${to} 0V${length}M0 ${to}H${length}`, stroke: 'boxline', lw: 0.8 }]))];
  return [...lines, { kind: 'rect', x: start, y: start, w: size, h: size, stroke: unknown ? 'unk' : 'ink2', lw: 2, ...(unknown ? { dash: [4, 4] } : {}) }];
}

/** @param {Picture} picture @returns {Item[]} */
function nameItems({ axis, names }) {
  return axis.lines.flatMap(({ id, start, size }, i) => {
    if (id === null) return [];
    const text = names[i] ?? '';
    const at = start + size / 2 + 4;
    /** @type {Item[]} */
    const items = [
      { kind: 'text', x: -6, y: at, text, size: 11.5, fill: 'ink2', align: 'right', most: ROOM.names - 10 },
      { kind: 'text', x: at, y: -6, text, size: 11.5, fill: 'ink2', upright: true, most: ROOM.names - 10 },
    ];
    return items;
  });
}

/** @param {Picture} picture @param {Block} block @param {number} index @param {number} names room of names @returns {Item[]} */
function hostItems({ words }, { start, size, folded }, index, names) {
  const word = words[index];
  if (!word) return [];
  const share = `${word.share} ${word.word}`.trim();
  const [x, middle] = [-ROOM.hosts - names, start + size / 2];
  const head = folded ? -6 : -names - 8;
  /** @type {Item[]} */
  const atLeft = size >= 30
    ? [{ kind: 'text', x, y: middle - 2, text: word.title, size: 13, bold: true, fill: 'ink', most: ROOM.hosts - 8 }, { kind: 'text', x, y: middle + 13, text: share, size: 11.5, fill: word.fill, most: ROOM.hosts - 8 }]
    : [{ kind: 'text', x, y: middle + 4, text: `${word.title}  ${word.share}`, size: 11.5, bold: true, fill: 'ink', most: ROOM.hosts - 8 }];
  /** @type {Item[]} */
  const atTop = size >= 66
    ? [{ kind: 'text', x: middle, y: head - 18, text: word.title, size: 13, bold: true, fill: 'ink', align: 'center', most: size - 6 }, { kind: 'text', x: middle, y: head - 3, text: share, size: 11.5, fill: word.fill, align: 'center', most: size - 4 }]
    : [{ kind: 'text', x: middle + 4, y: head, text: `${word.short}  ${word.share}`, size: 11.5, bold: true, fill: 'ink', upright: true, most: ROOM.heads - 10 }];
  return [...atLeft, ...atTop];
}
