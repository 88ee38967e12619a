// The selected way, drawn over everything with a casing and arrowheads. Pure.

import { LANES } from '../verdicts.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/curves.js').Curve} Curve */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @param {{pair: Pair, curve: Curve}[]} routes
 * @param {Selection|null} selection
 * @returns {Item[]}
 */
export function highlightItems(routes, selection) {
  if (selection?.type === 'pair') return routes.flatMap(({ pair, curve }) => [...cased(pair, curve, 5), ...arrows(pair, curve)]);
  return [...routes].reverse().flatMap(({ pair, curve }) => cased(pair, curve, 3.2));
}

/** @param {Pair} pair @param {Curve} curve @param {number} lw @returns {Item[]} */
function cased(pair, { d }, lw) {
  const style = LANES[pair.lane];
  const dots = pair.lane === 'undetermined';
  /** @type {Item[]} */
  const items = [
    { kind: 'path', d, stroke: 'sel', lw: lw + 5.2 },
    { kind: 'path', d, stroke: 'panel', lw: lw + 2.6 },
    { kind: 'path', d, stroke: style.token, lw, dash: pair.lane === 'mixed' ? [] : style.dash, cap: dots ? 'round' : 'butt' },
  ];
  if (pair.lane === 'mixed') items.push({ kind: 'path', d, stroke: 'leave', lw, dash: style.dash });
  return items;
}

/** An arrowhead in each direction that carried bytes. @param {Pair} pair @param {Curve} curve @returns {Item[]} */
function arrows(pair, curve) {
  const items = [];
  if (pair.edge.source_to_target_bytes > 0) items.push(...arrowAt(pair, curve.points));
  if (pair.edge.target_to_source_bytes > 0) items.push(...arrowAt(pair, [...curve.points].reverse()));
  return items;
}

/** Near the end of the way. @param {Pair} pair @param {[number, number][]} points @returns {Item[]} */
function arrowAt(pair, points) {
  const back = 15;
  const [ex, ey] = points.at(-1) ?? [0, 0];
  for (let i = points.length - 2; i >= 0; i -= 1) {
    const [x, y] = points[i] ?? [0, 0];
    const length = Math.hypot(ex - x, ey - y);
    if (length < back) continue;
    const [ux, uy] = [(ex - x) / length, (ey - y) / length];
    const corner = (/** @type {number} */ along, /** @type {number} */ across) =>
      `${(ex - ux * along - uy * across).toFixed(1)} ${(ey - uy * along + ux * across).toFixed(1)}`;
    return [{
      kind: 'path', d: `M${corner(1, 0)}L${corner(back, 8)}L${corner(back, -8)}Z`,
      fill: LANES[pair.lane].token, stroke: 'sel', lw: 1.5,
    }];
  }
  return [];
}
