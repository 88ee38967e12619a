// Under the pointer of the matrix: its row and column, both cells of the pair, and the tooltip. Elements over the canvas, so that
// nothing is painted again.

import { el } from './element.js';
import { mountTip } from './street-tip.js';

/** @typedef {import('../layout/matrix-frame.js').Under} Under */
/** @typedef {import('../layout/matrix-frame.js').Pane} Pane */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('./matrix-keys.js').Spot} Spot */

/**
 * @param {HTMLElement} frame that cross and tip stand in
 * @param {{
 *   boxOf: (spot: Spot) => Rect,
 *   isFilled: (row: number, column: number) => boolean,
 *   end: () => {x: number, y: number},
 *   pane: () => Pane,
 *   bands: () => import('../layout/matrix-frame.js').Bands,
 * }} matrix where things are on the screen; `end` is the right lower corner of the last cell
 */
export function createHover(frame, matrix) {
  const bars = [el('div', { class: 'matrix__band' }), el('div', { class: 'matrix__band' })];
  const spots = [el('div', { class: 'matrix__spot' }), el('div', { class: 'matrix__spot matrix__spot--mirror' })];
  const cross = el('div', { class: 'matrix__cross', hidden: true }, bars, spots);
  const tip = mountTip(frame);
  frame.append(cross);
  /** @type {Under|null} */
  let hovered = null;

  /** @param {Under|null} found */
  function point(found) {
    if (isSame(found, hovered)) return;
    hovered = found;
    cross.hidden = found === null || found.kind === 'block';
    if (found === null || found.kind === 'block') return;
    const [row, column] = found.kind === 'cell' ? [found.row, found.column] : [found.line, found.line];
    const [across, along] = [matrix.boxOf({ row, column }), matrix.boxOf({ row: column, column: row })];
    const { left, top, right, bottom } = matrix.pane();
    const bands = matrix.bands();
    const [x, y] = [left - bands.left.names, top - bands.top.names];
    place(bars[0], { x, y: across.y, w: Math.min(right, matrix.end().x) - x, h: across.h });
    place(bars[1], { x: across.x, y, w: across.w, h: Math.min(bottom, matrix.end().y) - y });
    const filled = found.kind === 'cell' && matrix.isFilled(row, column);
    spots.forEach((spot) => { spot.hidden = !filled; });
    place(spots[0], { x: across.x - 1, y: across.y - 1, w: across.w + 2, h: across.h + 2 });
    place(spots[1], { x: along.x - 1, y: along.y - 1, w: along.w + 2, h: along.h + 2 });
    if (along.x < left || along.y < top || along.y + along.h > bottom) /** @type {HTMLElement} */ (spots[1]).hidden = true;
  }

  return {
    /** @param {Under|null} found @param {{tip: string, detail: string}|null} words @param {PointerEvent} event */
    over(found, words, event) {
      tip.hide();
      if (event.pointerType === 'touch') return;
      point(found);
      if (words) tip.soon(() => [words.tip, words.detail], event);
    },
    leave() {
      tip.hide();
      point(null);
    },
  };
}

/** @param {HTMLElement|undefined} part @param {Rect} box */
function place(part, { x, y, w, h }) {
  if (part) Object.assign(part.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
}

/** @param {Under|null} one @param {Under|null} other */
function isSame(one, other) {
  if (one === null || other === null) return one === other;
  if (one.kind === 'cell') return other.kind === 'cell' && one.row === other.row && one.column === other.column;
  return one.kind === 'line' ? other.kind === 'line' && one.line === other.line : other.kind === 'block' && one.block === other.block;
}
