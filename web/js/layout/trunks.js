// Trunks: all traffic of one kind between two houses, or a house and a gate, as one line through the street. Pure.

import { OUTSIDE, ROUTERS } from '../model/graph-model.js';
import { Pen } from './curves.js';
import { MEASURES } from './measures.js';

/** @typedef {import('./street.js').Layout} Layout */
/** @typedef {import('./street.js').House} House */
/** @typedef {import('./street.js').Rect} Rect */
/** @typedef {import('./curves.js').Curve} Curve */
/** @typedef {{from: string, to: string, lane: string}} Bundle */
/** @typedef {import('./routes.js').Door} Door */
/** @typedef {Record<string, {x: number, index: number, of: number}>} Ends by place */

const END_STEP = 12;
/** Side by side in a street: trunks that go on to another one. */
const SPINE_LANES = 17;

/** @param {Layout} layout @param {string} place @returns {Rect|null} the chip in the street of a place that is no house */
export function gateOf(layout, place) {
  if (place === OUTSIDE) return layout.outside;
  if (place === ROUTERS) return layout.routers;
  return null;
}

/**
 * Where each trunk passes its doors: ordered so that neighbours cross as little as possible.
 * @param {Layout} layout
 * @param {Map<string, Bundle>} bundles
 * @param {Map<string, Door>} doors
 * @returns {Map<string, Ends>} by trunk
 */
export function trunkEnds(layout, bundles, doors) {
  /** @type {Map<string, {id: string, other: string, key: number}[]>} */
  const atDoor = new Map();
  for (const [id, { from, to }] of bundles) {
    for (const [place, other] of /** @type {[string, string][]} */ ([[from, to], [to, from]])) {
      const house = layout.houses.get(place);
      if (!house) continue;
      const list = atDoor.get(place) ?? [];
      list.push({ id, other, key: orderKey(layout, house, other) });
      atDoor.set(place, list);
    }
  }
  /** @type {Map<string, Ends>} */
  const ends = new Map([...bundles.keys()].map((id) => [id, {}]));
  for (const [place, list] of atDoor) {
    const door = /** @type {Door} */ (doors.get(place));
    const room = door.turnX === null ? 2 * door.half - 16 : 44;
    const step = Math.min(END_STEP, room / Math.max(1, list.length - 1));
    list.sort((p, q) => p.key - q.key || (p.id < q.id ? -1 : 1));
    list.forEach(({ id }, index) => {
      const x = door.trunkX + (index - (list.length - 1) / 2) * step;
      /** @type {Ends} */ (ends.get(id))[place] = { x, index, of: list.length };
    });
  }
  return ends;
}

/**
 * From left to right at a door: near neighbours on the left, far ones, those across the street, far ones on the
 * right, near ones. Lines to one side of the street then nest in each other.
 * @param {Layout} layout @param {House} house @param {string} other
 */
function orderKey(layout, house, other) {
  const target = layout.houses.get(other);
  if (!target) return 1e6;
  const dx = target.door.x - house.door.x;
  if (target.street !== house.street) return 1.5e6;
  if (target.outward !== house.outward) return dx;
  return dx < 0 ? -2e6 - dx : 2e6 - dx;
}

/**
 * @param {Layout} layout
 * @param {Bundle} bundle
 * @param {Ends} ends
 * @returns {Curve|null}
 */
export function trunkCurve(layout, { from, to, lane }, ends) {
  const a = layout.houses.get(from);
  const b = layout.houses.get(to);
  if (a && b) return a.street === b.street ? sameStreet(layout, a, b, ends, lane) : overSpine(layout, a, b, ends);
  const house = a ?? b;
  const gate = gateOf(layout, a ? to : from);
  if (!house || !gate) return null;
  const curve = toGate(layout, house, gate, ends);
  return a ? curve : reversed(curve);
}

/** @param {Layout} layout @param {House} a @param {House} b @param {Ends} ends @param {string} lane @returns {Curve} */
function sameStreet(layout, a, b, ends, lane) {
  const street = layout.streets[a.street] ?? { top: 0, bottom: 0, mid: 0 };
  const ax = ends[a.place]?.x ?? a.door.x;
  const bx = ends[b.place]?.x ?? b.door.x;
  if (a.outward === b.outward) {
    const far = Math.abs(a.column - b.column);
    const most = MEASURES.street - 62;
    const depth = Math.min(most, 62 + 26 * (far - 1) + (lane === 'left' ? 0 : lane === 'mixed' ? 34 : 52));
    const y = a.wall - a.outward * depth;
    return new Pen(ax, a.wall).cubic(ax, y, bx, y, bx, b.wall).done();
  }
  const bend = 26 * Math.sign(b.wall - a.wall);
  return new Pen(ax, a.wall).cubic(ax, street.mid + bend, bx, street.mid - bend, bx, b.wall).done();
}

/** Between streets: along its own street to the spine at the right, then into the other. @param {Layout} layout @param {House} a @param {House} b @param {Ends} ends @returns {Curve} */
function overSpine(layout, a, b, ends) {
  const x = layout.spineX;
  const [sa, sb] = [layout.streets[a.street]?.mid ?? 0, layout.streets[b.street]?.mid ?? 0];
  const ax = ends[a.place]?.x ?? a.door.x;
  const bx = ends[b.place]?.x ?? b.door.x;
  const spread = ((a.column * 7 + b.column * 3 + a.street + b.street) % SPINE_LANES) * 4 - 2 * (SPINE_LANES - 1);
  const [ya, yb] = [sa + spread, sb + spread];
  return new Pen(ax, a.wall).corner(ax, ya, x + spread, ya, 30).corner(x + spread, ya, x + spread, yb, 14)
    .corner(x + spread, yb, bx, yb, 14).corner(bx, yb, bx, b.wall, 30).line(bx, b.wall).done();
}

/** @param {Layout} layout @param {House} house @param {Rect} gate @param {Ends} ends @returns {Curve} */
function toGate(layout, house, gate, ends) {
  const x = ends[house.place]?.x ?? house.door.x;
  const gy = gate.y + gate.h / 2;
  const gx = gate.x;
  if (house.street > 0) {
    const mid = layout.streets[house.street]?.mid ?? 0;
    const right = layout.spineX;
    return new Pen(x, house.wall).corner(x, mid, right, mid, 30).corner(right, mid, right, gy, 14)
      .corner(right, gy, gate.x + gate.w, gy, 14).line(gate.x + gate.w, gy).done();
  }
  const reach = Math.max(24, Math.min(160, (gx - x) * 0.5));
  return new Pen(x, house.wall).cubic(x, gy + (gy - house.wall) * 0.1, gx - reach, gy, gx, gy).done();
}

/** @param {Curve} curve @returns {Curve} */
function reversed(curve) {
  const points = [...curve.points].reverse();
  const [first, ...rest] = points;
  const pen = new Pen(...(first ?? [0, 0]));
  for (const [x, y] of rest) pen.line(x, y);
  return pen.done();
}
