// The lines of the map: arcs inside houses, stems to the vSwitch, trunks in the street, hairpins that turn there. Pure.

import { UNPLACED, isHouse } from '../model/graph-model.js';
import { Pen } from './curves.js';
import { MEASURES, tileGap } from './frame.js';
import { trunkCurve, trunkEnds } from './trunks.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('./street.js').Layout} Layout */
/** @typedef {import('./street.js').House} House */
/** @typedef {import('./street.js').Tile} Tile */
/** @typedef {import('./curves.js').Curve} Curve */
/** @typedef {{half: number, trunkX: number, turnX: number|null, bytes: Map<Lane, number>}} Door trunkX: middle of the trunks' part */

/** @typedef {{pair: Pair, lane: Lane, curve: Curve, width: number}} Arc */
/** @typedef {{id: string, lane: Lane, curve: Curve, width: number, bytes: number}} Stem */
/** @typedef {{id: string, from: string, to: string, lane: Lane, curve: Curve, width: number, bytes: number, pairs: Pair[]}} Trunk */
/** @typedef {{place: string, curve: Curve, width: number, bytes: number, pairs: Pair[], apex: [number, number]}} Turn */
/**
 * @typedef {object} Routes
 * @property {Arc[]} arcs most bytes first
 * @property {Stem[]} stems
 * @property {Trunk[]} trunks most bytes first
 * @property {Turn[]} turns
 * @property {Map<string, Door>} doors by house
 */

/** Lanes of stems, from left to right under a tile. @type {Lane[]} */
const STEM_ORDER = ['left', 'hairpin', 'mixed', 'undetermined', 'stayed'];
const STEM_STEP = 7;

/**
 * Line widths on a log scale of the whole capture's bytes, so that a filter does not change them.
 * @param {number} most bytes of the widest line
 * @returns {(bytes: number) => number}
 */
export function widthScale(most) {
  const floor = Math.max(1, most / 1e4);
  const span = Math.log(Math.max(most, 2) / floor) || 1;
  return (bytes) => 1.3 + 6.2 * Math.min(1, Math.max(0, Math.log(Math.max(bytes, floor) / floor) / span));
}

/** @param {Pair} pair @returns {boolean} whether it stays between the walls of one house on the map */
function isInside(pair) {
  return pair.placeA === pair.placeB && pair.lane !== 'hairpin' && (pair.lane !== 'left' || pair.placeA === UNPLACED);
}

/** @param {Pair} pair @returns {boolean} same house at both ends, but its traffic went out */
function isTurn(pair) {
  return pair.placeA === pair.placeB && isHouse(pair.placeA) && !isInside(pair);
}

/** @param {string} one @param {string} other @param {Lane} lane */
function trunkId(one, other, lane) {
  return [...[one, other].sort(), lane].join('\u0000');
}

/**
 * @param {Layout} layout
 * @param {Pair[]} pairs those to draw
 * @param {(bytes: number) => number} width
 * @returns {Routes}
 */
export function routesOf(layout, pairs, width) {
  const street = pairs.filter((pair) => !isInside(pair));
  const doors = doorsOf(layout, street);
  const trunks = trunksOf(layout, street.filter((pair) => !isTurn(pair)), doors, width);
  return {
    arcs: pairs.filter(isInside).flatMap((pair) => arcOf(layout, pair, width)),
    stems: stemsOf(layout, street, width),
    trunks,
    turns: turnsOf(layout, street.filter(isTurn), doors, width),
    doors,
  };
}

/** @param {Layout} layout @param {Pair[]} street @returns {Map<string, Door>} */
function doorsOf(layout, street) {
  /** @type {Map<string, Door>} */
  const doors = new Map();
  for (const pair of street) {
    for (const place of new Set([pair.placeA, pair.placeB])) {
      const house = layout.houses.get(place);
      if (!house) continue;
      const door = doors.get(place) ?? { half: MEASURES.door, trunkX: house.door.x, turnX: null, bytes: new Map() };
      door.bytes.set(pair.lane, (door.bytes.get(pair.lane) ?? 0) + pair.edge.wire_bytes);
      if (isTurn(pair)) {
        door.half = MEASURES.hairpinDoor;
        door.trunkX = house.door.x - MEASURES.hairpinDoor + 32;
        door.turnX = house.door.x + MEASURES.hairpinDoor - MEASURES.hairpinRadius - 12;
      }
      doors.set(place, door);
    }
  }
  return doors;
}

/** @param {Layout} layout @param {Pair[]} pairs @param {Map<string, Door>} doors @param {(bytes: number) => number} width @returns {Trunk[]} */
function trunksOf(layout, pairs, doors, width) {
  /** @type {Map<string, {from: string, to: string, lane: Lane, bytes: number, pairs: Pair[]}>} */
  const bundles = new Map();
  for (const pair of pairs) {
    const id = trunkId(pair.placeA, pair.placeB, pair.lane);
    const [from = '', to = ''] = [pair.placeA, pair.placeB].sort();
    const bundle = bundles.get(id) ?? { from, to, lane: pair.lane, bytes: 0, pairs: [] };
    bundle.bytes += pair.edge.wire_bytes;
    bundle.pairs.push(pair);
    bundles.set(id, bundle);
  }
  const ends = trunkEnds(layout, bundles, doors);
  return [...bundles]
    .flatMap(([id, bundle]) => {
      const curve = trunkCurve(layout, bundle, ends.get(id) ?? {});
      const joins = layout.houses.get(bundle.from)?.street !== layout.houses.get(bundle.to)?.street;
      // between streets many lie side by side on the spine
      return curve ? [{ id, ...bundle, curve, width: width(bundle.bytes) * (joins && layout.streets.length > 1 ? 0.5 : 1) }] : [];
    })
    .sort((p, q) => q.bytes - p.bytes);
}

/** @param {Layout} layout @param {Pair} pair @param {(bytes: number) => number} width @returns {Arc[]} */
function arcOf(layout, pair, width) {
  const a = layout.tiles.get(pair.a.id);
  const b = layout.tiles.get(pair.b.id);
  const house = layout.houses.get(pair.placeA);
  if (!a || !b || !house) return [];
  return [{ pair, lane: pair.lane, curve: arcCurve(house, a, b), width: width(pair.edge.wire_bytes) }];
}

/** @param {House} house @param {Tile} a @param {Tile} b @returns {Curve} */
function arcCurve(house, a, b) {
  const { outward } = house;
  const outer = (/** @type {Tile} */ tile) => (outward < 0 ? tile.y : tile.y + tile.h);
  const inner = (/** @type {Tile} */ tile) => (outward < 0 ? tile.y + tile.h : tile.y);
  const [xa, xb] = [a.x + a.w / 2, b.x + b.w / 2];
  if (a.row !== b.row) {
    const [low, high, xl, xh] = a.row < b.row ? [a, b, xa, xb] : [b, a, xb, xa];
    const [y1, y2] = [outer(low), inner(high)];
    return new Pen(xl, y1).cubic(xl, y1 + (y2 - y1) * 0.7, xh, y2 - (y2 - y1) * 0.7, xh, y2).done();
  }
  const room = a.row === house.rows - 1 ? MEASURES.arcs : MEASURES.rowGap;
  const across = Math.abs(xb - xa) / house.box.w;
  const height = Math.min(room - 8, room * (0.3 + 0.86 * across)) / 0.75;
  const y = outer(a);
  return new Pen(xa, y).cubic(xa, y + outward * height, xb, y + outward * height, xb, y).done();
}

/** @param {Layout} layout @param {Pair[]} street @param {(bytes: number) => number} width @returns {Stem[]} */
function stemsOf(layout, street, width) {
  /** @type {Map<string, Map<Lane, number>>} */
  const sums = new Map();
  for (const pair of street) {
    for (const id of [pair.a.id, pair.b.id]) {
      if (!layout.tiles.has(id)) continue;
      const lanes = sums.get(id) ?? new Map();
      lanes.set(pair.lane, (lanes.get(pair.lane) ?? 0) + pair.edge.wire_bytes);
      sums.set(id, lanes);
    }
  }
  return [...sums].flatMap(([id, lanes]) => {
    const tile = /** @type {Tile} */ (layout.tiles.get(id));
    const house = /** @type {House} */ (layout.houses.get(tile.place));
    const present = STEM_ORDER.filter((lane) => lanes.has(lane));
    return present.map((lane, index) => {
      const [x, y] = stemStart(house, tile, index, present.length);
      const bytes = lanes.get(lane) ?? 0;
      return { id, lane, bytes, width: width(bytes), curve: new Pen(x, y).line(x, switchEdge(house)).done() };
    });
  });
}

/** @param {House} house @returns {number} y of the vSwitch bar's edge towards the tiles */
function switchEdge(house) {
  return house.outward < 0 ? house.vswitch.y : house.vswitch.y + house.vswitch.h;
}

/**
 * Where a stem leaves its tile; from a second row it runs down between the tiles of the first.
 * @param {House} house @param {Tile} tile @param {number} index @param {number} of
 * @returns {[number, number]}
 */
function stemStart(house, tile, index, of) {
  const y = house.outward < 0 ? tile.y + tile.h : tile.y;
  const step = Math.min(STEM_STEP, (tile.w - 8) / of);
  if (tile.row === 0) return [tile.x + tile.w / 2 + (index - (of - 1) / 2) * step, y];
  return [tile.x + tile.w + tileGap(house.tiles.length) / 2, y];
}

/** @param {Layout} layout @param {Pair[]} pairs @param {Map<string, Door>} doors @param {(bytes: number) => number} width @returns {Turn[]} */
function turnsOf(layout, pairs, doors, width) {
  /** @type {Map<string, Pair[]>} */
  const byHouse = new Map();
  for (const pair of pairs) byHouse.set(pair.placeA, [...(byHouse.get(pair.placeA) ?? []), pair]);
  return [...byHouse].flatMap(([place, turning]) => {
    const house = layout.houses.get(place);
    const turnX = doors.get(place)?.turnX;
    if (!house || turnX === null || turnX === undefined) return [];
    const bytes = turning.reduce((sum, pair) => sum + pair.edge.wire_bytes, 0);
    const [out, back] = [turnX - MEASURES.hairpinRadius, turnX + MEASURES.hairpinRadius];
    const start = switchStreetEdge(house);
    const pen = new Pen(out, start);
    const apex = uTurn(house, pen, out, back);
    const curve = pen.line(back, start).done();
    return [{ place, pairs: turning, bytes, width: width(bytes), curve, apex }];
  });
}

/** @param {House} house @returns {number} y of the vSwitch bar's edge towards the street */
function switchStreetEdge(house) {
  return house.outward < 0 ? house.vswitch.y + house.vswitch.h : house.vswitch.y;
}

/**
 * Out through the wall, around in the street and back to the wall.
 * @param {House} house
 * @param {Pen} pen standing above the way out
 * @param {number} out x of the way out
 * @param {number} back x of the way back
 * @returns {[number, number]} the turning point
 */
function uTurn(house, pen, out, back) {
  const r = MEASURES.hairpinRadius;
  const down = -house.outward;
  const turn = house.wall + down * 34;
  const reach = turn + down * r * 1.33;
  pen.line(out, turn).cubic(out, reach, back, reach, back, turn).line(back, house.wall);
  return [(out + back) / 2, turn + down * r];
}

/**
 * The whole way of one pair from tile to tile, for showing it alone.
 * @param {Layout} layout
 * @param {Routes} routes
 * @param {Pair} pair
 * @returns {Curve|null} null where an end has no place on the map
 */
export function routeOf(layout, routes, pair) {
  const tileA = layout.tiles.get(pair.a.id);
  const tileB = layout.tiles.get(pair.b.id);
  if (isInside(pair)) {
    const house = layout.houses.get(pair.placeA);
    return tileA && tileB && house ? arcCurve(house, tileA, tileB) : null;
  }
  if (isTurn(pair)) return tileA && tileB ? turnRoute(layout, routes, pair, tileA, tileB) : null;
  const trunk = routes.trunks.find((bundle) => bundle.id === trunkId(pair.placeA, pair.placeB, pair.lane));
  if (!trunk) return null;
  const forward = trunk.from === pair.placeA;
  const points = forward ? trunk.curve.points : [...trunk.curve.points].reverse();
  const first = points[0] ?? [0, 0];
  const last = points.at(-1) ?? [0, 0];
  const pen = tileA ? approach(layout, tileA, first) : new Pen(...first);
  for (const [x, y] of points) pen.line(x, y);
  if (tileB) for (const [x, y] of approach(layout, tileB, last).done().points.reverse()) pen.line(x, y);
  return pen.done();
}

/** From a tile to a place on its house's wall, along the vSwitch. @param {Layout} layout @param {Tile} tile @param {[number, number]} exit */
function approach(layout, tile, [x, y]) {
  const house = /** @type {House} */ (layout.houses.get(tile.place));
  const [sx, sy] = stemStart(house, tile, 0, 1);
  const bar = house.vswitch.y + house.vswitch.h / 2;
  return new Pen(sx, sy).corner(sx, bar, x, bar, 6).corner(x, bar, x, y, 6);
}

/** @param {Layout} layout @param {Routes} routes @param {Pair} pair @param {Tile} a @param {Tile} b @returns {Curve|null} */
function turnRoute(layout, routes, pair, a, b) {
  const house = layout.houses.get(pair.placeA);
  const turnX = routes.doors.get(pair.placeA)?.turnX;
  if (!house || turnX === null || turnX === undefined) return null;
  const bar = house.vswitch.y + house.vswitch.h / 2;
  const [out, back] = [turnX - MEASURES.hairpinRadius, turnX + MEASURES.hairpinRadius];
  const [ax, ay] = stemStart(house, a, 0, 1);
  const [bx, by] = stemStart(house, b, 0, 1);
  // the end on the left takes the left leg: the way does not cross itself
  const [first, second] = ax <= bx ? [out, back] : [back, out];
  const pen = new Pen(ax, ay).corner(ax, bar, first, bar, 6).corner(first, bar, first, house.wall, 6);
  uTurn(house, pen, first, second);
  return pen.corner(second, bar, bx, bar, 6).corner(bx, bar, bx, by, 6).line(bx, by).done();
}
