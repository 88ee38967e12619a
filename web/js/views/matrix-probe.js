// Read-only geometry of the matrix in CSS pixels of the page, for tests.

import { lineTitle } from './matrix-words.js';

/** @typedef {import('../scene/matrix-picture.js').Picture} Picture */
/** @typedef {{view: import('d3').ZoomTransform, pane: import('../layout/matrix-frame.js').Pane, bands: import('../layout/matrix-frame.js').Bands}} Where */

/** @param {string} map @param {Picture} picture @param {() => Where} where */
export function exposeMatrix(map, picture, where) {
  const { axis, cells, words, marks } = picture;
  const pad = () => document.getElementById('matrix-pad')?.getBoundingClientRect() ?? { left: 0, top: 0 };
  const x = (/** @type {{start: number, size: number}|undefined} */ part) => pad().left + where().view.applyX((part?.start ?? 0) + (part?.size ?? 0) / 2);
  const y = (/** @type {{start: number, size: number}|undefined} */ part) => pad().top + where().view.applyY((part?.start ?? 0) + (part?.size ?? 0) / 2);
  const edge = () => pad().left + where().pane.left - where().bands.left.names - where().bands.left.hosts;
  Object.defineProperty(window, '__flowmapMatrix', {
    configurable: true,
    value: Object.freeze({
      map,
      lines: () => axis.lines.map((line, i) => ({ ...line, title: lineTitle(picture, i), label: { x: pad().left + where().pane.left - 12, y: y(line) } })),
      blocks: () => axis.blocks.map((block, i) => ({ ...block, ...words[i], label: { x: edge() + 40, y: y(block) }, mark: { x: edge() + 14, y: y(block) } })),
      cells: () => cells.list.map((cell) => {
        const [one, other] = [axis.lines[cell.row], axis.lines[cell.column]];
        return { a: lineTitle(picture, cell.row), b: lineTitle(picture, cell.column), lane: cell.lane, pairs: cell.pairs.length, split: cell.split, middle: { x: x(other), y: y(one) }, mirror: { x: x(one), y: y(other) } };
      }),
      marks: () => marks,
      scale: () => where().view.k,
    }),
  });
}
