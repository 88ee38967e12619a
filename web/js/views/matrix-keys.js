// The matrix for keyboards and screen readers: a grid of which the cell that the keyboard is on is told.

import { firstFrom } from '../layout/matrix-cells.js';
import { spokenBlock, spokenCell, spokenLine } from './matrix-words.js';
import { el } from './element.js';

/** @typedef {import('../scene/matrix-picture.js').Picture} Picture */
/** @typedef {{row: number, column: number}} Spot column LABEL is the row's own label, HOST that of its host */

export const LABEL = -1;
export const HOST = -2;

/**
 * @param {HTMLElement} pad
 * @param {{
 *   picture: () => Picture|null,
 *   model: () => import('../model/graph-model.js').GraphModel|null,
 *   choose: (spot: Spot) => void,
 *   toggle: (place: string) => void,
 *   focusOn: (spot: Spot|null, went?: boolean) => void,
 *   zoomBy: (factor: number) => void,
 *   fit: () => void,
 * }} matrix
 */
export function mountMatrixKeys(pad, matrix) {
  pad.tabIndex = 0;
  pad.setAttribute('role', 'grid');
  pad.setAttribute('aria-readonly', 'true');
  // a reader repeats an active cell only when it is another one: two take turns
  const cells = ['matrix-cell-a', 'matrix-cell-b'].map((id) => el('div', { role: 'gridcell', id }));
  const rows = cells.map((cell) => el('div', { role: 'row' }, cell));
  const grid = el('div', { class: 'visually-hidden', role: 'rowgroup' }, rows);
  pad.append(grid);
  let turn = 0;
  /** @type {Spot|null} */
  let spot = null;

  /** @param {Spot} next */
  function moveTo(next) {
    const picture = matrix.picture();
    if (!picture) return;
    spot = next;
    matrix.focusOn(next);
    turn = 1 - turn;
    tell(picture, next);
    pad.setAttribute('aria-activedescendant', /** @type {HTMLElement} */ (cells[turn]).id);
  }

  /** @param {Picture} picture @param {Spot} at */
  function tell(picture, at) {
    const cell = /** @type {HTMLElement} */ (cells[turn]);
    cell.textContent = spokenAt(picture, at);
    cell.setAttribute('aria-colindex', String(at.column + 3));
    rows[turn]?.setAttribute('aria-rowindex', String(at.row + 1));
  }

  /** @param {Picture} picture @param {Spot} at */
  function spokenAt(picture, { row, column }) {
    const line = picture.axis.lines[row];
    const model = matrix.model();
    if (!line || !model) return '';
    if (column === HOST || (column === LABEL && line.whole)) return spokenBlock(picture, line.block);
    if (column === LABEL) return spokenLine(picture, model, row);
    return spokenCell(picture, picture.cells.at(row, column), row, column);
  }

  /** The first filled cell of all. @param {Picture} picture */
  function first({ cells: { rowStart, columns }, axis }) {
    for (let row = 0; row < axis.lines.length; row += 1) {
      const at = rowStart[row] ?? 0;
      if (at < (rowStart[row + 1] ?? 0)) return { row, column: columns[at] ?? 0 };
    }
    return { row: 0, column: LABEL };
  }

  /** @param {1|-1} step @param {boolean} each also cells without traffic */
  function along(step, each) {
    const picture = matrix.picture();
    if (!picture || !spot) return;
    const { row, column } = spot;
    const { cells: index, axis } = picture;
    const lone = axis.lines[row]?.whole ? LABEL : HOST;
    if (column < 0 && (step < 0 || column === HOST)) return moveTo({ row, column: Math.max(lone, column + step) });
    if (each) return moveTo({ row, column: Math.min(axis.lines.length - 1, column + step) });
    const at = firstFrom(index, row, step > 0 ? column + 1 : column) - (step > 0 ? 0 : 1);
    const filled = at >= (index.rowStart[row] ?? 0) && at < (index.rowStart[row + 1] ?? 0);
    if (filled) moveTo({ row, column: index.columns[at] ?? 0 });
    else if (step < 0) moveTo({ row, column: LABEL });
  }

  /** The matrix is symmetric: down a column is along the row of the same number. @param {1|-1} step @param {boolean} each */
  function across(step, each) {
    const picture = matrix.picture();
    if (!picture || !spot) return;
    const { row, column } = spot;
    const { cells: index, axis } = picture;
    const last = axis.lines.length - 1;
    if (column === HOST) {
      const block = axis.blocks[(axis.lines[row]?.block ?? 0) + step];
      if (block) moveTo({ row: block.first, column: block.folded ? LABEL : HOST });
    } else if (column === LABEL || each) moveTo({ row: Math.max(0, Math.min(last, row + step)), column });
    else {
      const at = firstFrom(index, column, step > 0 ? row + 1 : row) - (step > 0 ? 0 : 1);
      if (at >= (index.rowStart[column] ?? 0) && at < (index.rowStart[column + 1] ?? 0)) moveTo({ row: index.columns[at] ?? 0, column });
    }
  }

  /** @param {1|-1} end */
  function toEnd(end) {
    const picture = matrix.picture();
    if (!picture || !spot) return;
    const { rowStart, columns } = picture.cells;
    const [from, to] = [rowStart[spot.row] ?? 0, rowStart[spot.row + 1] ?? 0];
    moveTo({ row: spot.row, column: from < to ? columns[end > 0 ? to - 1 : from] ?? LABEL : LABEL });
  }

  /** The keyboard is then on the label of the host, which stays in sight. @param {number} row */
  function foldRow(row) {
    const place = matrix.picture()?.axis.lines[row]?.place;
    if (place === undefined) return;
    matrix.toggle(place);
    const block = matrix.picture()?.axis.blockOf.get(place);
    if (block) moveTo({ row: block.first, column: block.folded ? LABEL : HOST });
  }

  /** @type {Record<string, (each: boolean) => void>} */
  const keys = {
    ArrowRight: (each) => along(1, each), ArrowLeft: (each) => along(-1, each), ArrowDown: (each) => across(1, each), ArrowUp: (each) => across(-1, each),
    Home: () => toEnd(-1), End: () => toEnd(1),
    Enter: () => spot && matrix.choose(spot), ' ': () => spot && matrix.choose(spot),
    f: () => spot && foldRow(spot.row),
    '+': () => matrix.zoomBy(1.3), '-': () => matrix.zoomBy(1 / 1.3), 0: () => matrix.fit(),
  };

  pad.addEventListener('keydown', (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    const picture = matrix.picture();
    if (spot === null && event.key.startsWith('Arrow') && picture) moveTo(first(picture));
    else action(event.shiftKey);
  });
  pad.addEventListener('focus', () => {
    const picture = matrix.picture();
    if (picture && picture.axis.lines.length && pad.matches(':focus-visible')) moveTo(spot ?? first(picture));
  });
  pad.addEventListener('blur', () => matrix.focusOn(null));

  /** The same endpoint, or its folded host, after the lines have changed. @param {Picture} before @param {Picture} now @param {number} row */
  function rowNow(before, now, row) {
    const line = before.axis.lines[row];
    if (!line) return 0;
    return (line.id === null ? undefined : now.axis.lineOfNode.get(line.id)) ?? now.axis.blockOf.get(line.place)?.first ?? 0;
  }

  return {
    /** @param {Picture|null} before @param {Picture} now */
    update(before, now) {
      pad.setAttribute('aria-rowcount', String(now.axis.lines.length));
      pad.setAttribute('aria-colcount', String(now.axis.lines.length + 2));
      if (!spot) return;
      if (!before || now.axis.lines.length === 0) spot = null;
      else if (before.axis !== now.axis) {
        const row = rowNow(before, now, spot.row);
        const onHost = spot.column === HOST || (spot.column === LABEL && before.axis.lines[spot.row]?.whole === true);
        const column = spot.column >= 0 ? rowNow(before, now, spot.column) : onHost && !now.axis.lines[row]?.whole ? HOST : LABEL;
        spot = { row, column };
      }
      if (document.activeElement !== pad) return;
      if (spot) tell(now, spot); // said again only when somebody moves: bytes that grow are no news
      matrix.focusOn(spot, false);
    },
    unmount: () => grid.remove(),
  };
}
