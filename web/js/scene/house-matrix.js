// The inside of a crowded house: its endpoints as rows and columns in one order, each pair as two cells. Pure.

import { visibleText } from '../format.js';
import { cellAt } from '../layout/street.js';
import { LANES } from '../verdicts.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/street.js').Matrix} Matrix */
/** @typedef {import('../layout/street.js').Tile} Tile */
/** @typedef {import('../layout/routes.js').Cell} Cell */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */

const LEAST_DETAIL = 5;

/** Paper, stripes and the diagonal where each endpoint meets itself. @param {House} house @returns {Item[]} */
export function matrixPaper(house) {
  const matrix = house.matrix;
  if (!matrix || matrix.used === 0) return [];
  const { x, y, cellWidth, cellHeight, used, labelWidth } = matrix;
  const [w, h] = [cellWidth * used, cellHeight * used];
  const [stripes, diagonal] = [[], []].map(() => /** @type {string[]} */ ([]));
  for (let i = 0; i < used; i += 1) {
    const cell = cellAt(matrix, i, i);
    diagonal?.push(rectPath(cell.x, cell.y, cell.w, cell.h));
    if (i % 2 === 1) stripes?.push(rectPath(x - labelWidth, cell.y, labelWidth + w, cell.h));
  }
  const lines = Array.from({ length: used + 1 }, (_, i) => `M${n(x + i * cellWidth)} ${n(y)}v${n(h)}M${n(x)} ${n(y + i * cellHeight)}h${n(w)}`).join('');
  /** @type {Item[]} */
  const items = [
    { kind: 'rect', x, y, w, h, r: 2, fill: 'box', alpha: 0.72 },
    { kind: 'path', d: (stripes ?? []).join(''), fill: 'tile', alpha: 0.5 },
    { kind: 'path', d: (diagonal ?? []).join(''), fill: 'boxline', alpha: 0.75 },
    ...(cellHeight >= LEAST_DETAIL ? [/** @type {Item} */ ({ kind: 'path', d: lines, stroke: 'boxline', lw: 0.5, alpha: 0.55 })] : []),
    { kind: 'rect', x, y, w, h, r: 2, stroke: 'boxline', lw: 1 },
  ];
  return items;
}

/**
 * Filled cells. Their strength tells the bytes, like the width of an arc.
 * @param {House} house
 * @param {Cell[]} cells of the house
 * @param {(pair: import('../model/graph-model.js').Pair) => boolean} [wanted] those to draw
 * @returns {Item[]}
 */
export function cellItems(house, cells, wanted = () => true) {
  const { matrix } = house;
  if (!matrix || cells.length === 0) return [];
  /** @type {Map<string, string[]>} paths of one look, drawn at once */
  const batches = new Map();
  const most = Math.max(...cells.map((cell) => cell.pair.edge.wire_bytes), 1);
  for (const { pair, lane, row, column } of cells) {
    if (!wanted(pair)) continue;
    const share = 1 - Math.min(1, Math.log10(most / Math.max(1, pair.edge.wire_bytes)) / 4);
    const strength = 0.4 + 0.2 * Math.round(share * 3);
    for (const [i, j] of /** @type {[number, number][]} */ ([[row, column], [column, row]])) {
      for (const [token, d] of cellShapes(lane, matrix, i, j)) {
        const key = `${token} ${token === 'unk' ? 1 : strength}`;
        const list = batches.get(key) ?? [];
        if (list.length === 0) batches.set(key, list);
        list.push(d);
      }
    }
  }
  return [...batches].map(([key, paths]) => {
    const [token = '', alpha = '1'] = key.split(' ');
    return { kind: 'path', d: paths.join(''), fill: token, alpha: Number(alpha) };
  });
}

/** @param {import('../verdicts.js').Lane} lane @param {Matrix} matrix @param {number} row @param {number} column @returns {[string, string][]} token and path */
function cellShapes(lane, matrix, row, column) {
  const { x, y, w, h } = cellAt(matrix, row, column);
  const gap = Math.min(0.8, w * 0.1, h * 0.1);
  const [left, top, width, height] = [x + gap, y + gap, w - 2 * gap, h - 2 * gap];
  if (lane === 'undetermined') return [['unk', dots(left, top, width, height)]];
  if (lane !== 'mixed') return [[LANES[lane].token, rectPath(left, top, width, height)]];
  return [
    ['stay', `M${n(left)} ${n(top)}h${n(width)}l${n(-width)} ${n(height)}z`],
    ['leave', `M${n(left + width)} ${n(top)}v${n(height)}h${n(-width)}z`],
  ];
}

/** As many dots as there is room for. @param {number} x @param {number} y @param {number} w @param {number} h */
function dots(x, y, w, h) {
  const [across, down] = [Math.max(1, Math.round(w / 4.5)), Math.max(1, Math.round(h / 4.5))];
  const r = Math.min(1.5, w / across / 2.6, h / down / 2.6);
  let d = '';
  for (let i = 0; i < across; i += 1) {
    for (let j = 0; j < down; j += 1) {
      const [cx, cy] = [x + (w * (i + 0.5)) / across, y + (h * (j + 0.5)) / down];
      d += `M${n(cx - r)} ${n(cy)}a${n(r)} ${n(r)} 0 1 0 ${n(2 * r)} 0a${n(r)} ${n(r)} 0 1 0 ${n(-2 * r)} 0z`;
    }
  }
  return d;
}

/** @param {number} x @param {number} y @param {number} w @param {number} h */
function rectPath(x, y, w, h) {
  return `M${n(x)} ${n(y)}h${n(w)}v${n(h)}h${n(-w)}z`;
}

/** @param {number} value */
function n(value) {
  return Math.round(value * 100) / 100;
}

/**
 * Names of the rows; the painter leaves them out while they are too small to read.
 * @param {House} house
 * @param {GraphModel} model
 * @param {(id: string) => boolean} faded
 * @returns {Item[]}
 */
export function rowLabels(house, model, faded) {
  return house.tiles.map((tile) => ({
    kind: 'text', x: tile.x + tile.w - 5, y: tile.y + tile.h / 2 + labelSize(tile) * 0.36, text: visibleText(model.nodes.get(tile.id)?.label ?? ''),
    size: labelSize(tile), least: 6, align: 'right', fill: 'ink', most: tile.w - 8, ...(faded(tile.id) ? { alpha: 0.45 } : {}),
  }));
}

/** @param {Tile} tile */
function labelSize(tile) {
  return Math.min(11, tile.h * 0.95);
}

/** Row and column of each selected endpoint, and the cells where two of them meet. @param {House} house @param {Tile[]} tiles selected ones in it @param {boolean} pair @returns {Item[]} */
export function matrixMarks(house, tiles, pair) {
  const { matrix } = house;
  if (!matrix) return [];
  const { x, y, cellWidth, cellHeight, used, labelWidth } = matrix;
  /** @type {Item[]} */
  const items = tiles.flatMap(({ column }) => [
    { kind: 'rect', x: x - labelWidth, y: y + column * cellHeight, w: labelWidth + used * cellWidth, h: cellHeight, r: 2, fill: 'sel', alpha: 0.1 },
    { kind: 'rect', x: x + column * cellWidth, y, w: cellWidth, h: used * cellHeight, r: 2, fill: 'sel', alpha: 0.1 },
    { kind: 'rect', x: x - labelWidth, y: y + column * cellHeight - 0.5, w: labelWidth - 1, h: cellHeight + 1, r: 2.5, stroke: 'sel', lw: 1.6 },
  ]);
  const [one, other] = tiles;
  if (!pair || !one || !other) return items;
  for (const [i, j] of /** @type {[number, number][]} */ ([[one.column, other.column], [other.column, one.column]])) {
    const cell = cellAt(matrix, i, j);
    const grow = 1.5;
    items.push({ kind: 'rect', x: cell.x - grow, y: cell.y - grow, w: cell.w + 2 * grow, h: cell.h + 2 * grow, r: 2, stroke: 'panel', lw: 4 },
      { kind: 'rect', x: cell.x - grow, y: cell.y - grow, w: cell.w + 2 * grow, h: cell.h + 2 * grow, r: 2, stroke: 'sel', lw: 2 });
  }
  return items;
}
