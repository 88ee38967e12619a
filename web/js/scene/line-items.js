// Lines of the map as items: arcs and stems of a house, trunks and turns in the street. Pure.

import { LANES } from '../verdicts.js';
import { part, twoTone } from './items.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./items.js').Part} Part */
/** @typedef {import('./items.js').Rect} Rect */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/routes.js').Routes} Routes */
/** @typedef {import('../layout/routes.js').Arc} Arc */
/** @typedef {import('../layout/curves.js').Curve} Curve */
/** @typedef {import('../verdicts.js').Lane} Lane */

/** Pairs of one house that are drawn from the middle distance; the page says how much the others carry. */
export const MIDDLE_ARCS = 20;
/** So many cross each other that only paler ones can be told apart. */
const MANY_TRUNKS = 120;
/** Arcs of one house beyond this many are hairlines: wide translucent strokes are what makes a canvas slow. */
const WIDE_ARCS = 60;

/** @param {Lane} lane @param {string} d @param {number} lw @param {number} alpha @param {number[]} [dash] @returns {Item[]} */
export function laneLine(lane, d, lw, alpha, dash) {
  if (lane === 'mixed') return twoTone(d, Math.max(3, lw), alpha);
  const style = LANES[lane];
  const dots = lane === 'undetermined';
  return [{ kind: 'path', d, stroke: style.token, lw: dots ? Math.max(2.2, lw * 0.8) : lw, alpha, dash: dots ? style.dash : lane === 'stayed' ? [] : dash ?? style.dash, cap: dots || lane === 'stayed' ? 'round' : 'butt' }];
}

/**
 * @param {House} house
 * @param {Routes} routes
 * @param {number} most arcs
 * @returns {Item[]}
 */
export function houseLines(house, routes, most) {
  const arcs = (routes.arcs.get(house.place) ?? []).slice(0, most);
  const wide = arcs.slice(0, WIDE_ARCS);
  const thin = arcs.slice(WIDE_ARCS);
  /** @type {Item[]} */
  const items = [];
  for (const lane of new Set(thin.map((arc) => arc.lane))) {
    const d = thin.filter((arc) => arc.lane === lane).map((arc) => arc.curve.d).join('');
    items.push(...thinLine(lane, d, 0, 0.4));
  }
  for (const arc of wide.reverse()) items.push(...laneLine(arc.lane, arc.curve.d, arc.width, arc.lane === 'stayed' ? 0.76 : 0.9));
  for (const stem of routes.stems.get(house.place) ?? []) {
    // in a matrix they stand too close for a second dash pattern: colour and place tell what they are
    items.push(...(house.matrix && stem.width < 2.4 ? thinLine(stem.lane, stem.curve.d, stem.width) : laneLine(stem.lane, stem.curve.d, stem.width * 0.9, 1, [6, 4])));
  }
  return [...items, ...connector(house, routes)];
}

/** One colour, and for what is mixed both: it must not be taken for what stayed. @param {Lane} lane @param {string} d @param {number} lw @param {number} [alpha] @returns {Item[]} */
function thinLine(lane, d, lw, alpha = 1) {
  /** @type {Item} */
  const line = { kind: 'path', d, stroke: LANES[lane].token, lw, alpha };
  return lane === 'mixed' ? [line, { ...line, stroke: 'leave', dash: LANES.mixed.dash, alpha: 1 }] : [line];
}

/** Between vSwitch and door. @param {House} house @param {Routes} routes @returns {Item[]} */
function connector(house, routes) {
  const door = routes.doors.get(house.place);
  const lane = /** @type {Lane[]} */ (['left', 'mixed', 'undetermined']).find((one) => door?.bytes.has(one));
  if (!door || !lane) return [];
  const { vswitch, outward, wall } = house;
  const y = outward < 0 ? vswitch.y + vswitch.h : vswitch.y;
  return laneLine(lane, `M${door.trunkX} ${y}V${wall}`, lane === 'undetermined' ? 2.6 : 6, 0.9, []);
}

/** One part a line, so that what is out of sight costs nothing; the largest on top. @param {Routes} routes @returns {Part[]} */
export function streetLines(routes) {
  const alpha = routes.trunks.length > MANY_TRUNKS ? 0.42 : 0.72;
  const trunks = routes.trunks.map((trunk) => part(boxOf(trunk.curve), () => laneLine(trunk.lane, trunk.curve.d, trunk.width, alpha)));
  const turns = routes.turns.map((turn) => part(boxOf(turn.curve), () => laneLine('hairpin', turn.curve.d, Math.max(3, turn.width), 1)));
  return [...trunks.reverse(), ...turns];
}

/** With room for its width. @param {Curve} curve @returns {Rect} */
export function boxOf({ box: { x, y, w, h } }) {
  return { x: x - 6, y: y - 6, w: w + 12, h: h + 12 };
}
