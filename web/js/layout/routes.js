// The lines of the map: arcs inside houses, stems to the vSwitch, trunks in the street, hairpins that turn there. Pure.

import { UNPLACED, isDrawn, isHouse } from '../model/graph-model.js';
import { Pen } from './curves.js';
import { MEASURES } from './measures.js';
import { houseOf } from './street.js';
import { once } from '../store.js';
import { trunkCurve, trunkEnds } from './trunks.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('./street.js').Layout} Layout */
/** @typedef {import('./street.js').House} House */
/** @typedef {import('./street.js').Tile} Tile */
/** @typedef {import('./street.js').Rect} Rect */
/** @typedef {import('./curves.js').Curve} Curve */
/** @typedef {{half: number, trunkX: number, turnX: number|null, bytes: Map<Lane, number>}} Door trunkX: middle of the trunks' part */

/** @typedef {{pair: Pair, lane: Lane, curve: Curve, width: number}} Arc */
/** @typedef {{pair: Pair, lane: Lane, row: number, column: number}} Cell of a matrix; the pair's other cell is its mirror image */
/** @typedef {{id: string, lane: Lane, curve: Curve, width: number, bytes: number}} Stem */
/** @typedef {{id: string, from: string, to: string, lane: Lane, bytes: number, pairs: Pair[]}} Bundle */
/** @typedef {Bundle & {curve: Curve, width: number}} Trunk */
/** @typedef {{place: string, curve: Curve, width: number, bytes: number, pairs: Pair[], apex: [number, number]}} Turn */
/**
 * @typedef {object} Routes
 * @property {Map<string, Arc[]>} arcs by house, most bytes first
 * @property {Map<string, Cell[]>} cells by house
 * @property {Map<string, Stem[]>} stems by house
 * @property {Trunk[]} trunks most bytes first
 * @property {Bundle[]} untraced trunks beyond those that are drawn
 * @property {Turn[]} turns
 * @property {Map<string, Door>} doors by house
 */

/** Trunks that are drawn, the largest: wide strokes are what makes a canvas slow, and nobody can follow more. */
const MOST_TRUNKS = 400;

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
function isOut(pair) {
  return pair.placeA === pair.placeB && isHouse(pair.placeA) && !isInside(pair);
}

/** Others left before their VMs came to one house: they end at the door. @param {Pair} pair @returns {boolean} whether it went out and came back */
function isTurn(pair) {
  return pair.lane === 'hairpin' && isOut(pair);
}

/** @param {string} one @param {string} other @param {Lane} lane */
function trunkId(one, other, lane) {
  return one < other ? `${one}\u0000${other}\u0000${lane}` : `${other}\u0000${one}\u0000${lane}`;
}

/**
 * @param {Layout} layout
 * @param {Pair[]} pairs those to draw, most bytes first
 * @param {(bytes: number) => number} width
 * @param {(bytes: number) => number} [trunkWidth] where trunks carry so much more than pairs that they need their own
 * @returns {Routes}
 */
export function routesOf(layout, pairs, width, trunkWidth = width) {
  const street = pairs.filter((pair) => !isInside(pair));
  const doors = doorsOf(layout, street);
  const bundles = bundlesOf(layout, street);
  // from afar nobody sees what is inside the houses: it is made when it comes into sight
  const inside = once(() => insideOf(layout, pairs, width));
  const stems = once(() => stemsOf(layout, street, width));
  return {
    get arcs() { return inside().arcs; },
    get cells() { return inside().cells; },
    get stems() { return stems(); },
    trunks: trunksOf(layout, bundles.slice(0, MOST_TRUNKS), doors, trunkWidth),
    untraced: bundles.slice(MOST_TRUNKS),
    turns: turnsOf(layout, street.filter(isTurn), doors, trunkWidth),
    doors,
  };
}

/** @param {Layout} layout @param {Pair[]} pairs @param {(bytes: number) => number} width */
function insideOf(layout, pairs, width) {
  /** @type {Map<string, Arc[]>} */
  const arcs = new Map();
  /** @type {Map<string, Cell[]>} */
  const cells = new Map();
  for (const pair of pairs) {
    if (!isInside(pair)) continue;
    const a = layout.tiles.get(pair.a.id);
    const b = layout.tiles.get(pair.b.id);
    const house = layout.houses.get(pair.placeA);
    if (!a || !b || !house) continue;
    if (house.matrix) listIn(cells, pair.placeA).push({ pair, lane: pair.lane, row: a.column, column: b.column });
    else listIn(arcs, pair.placeA).push({ pair, lane: pair.lane, curve: arcCurve(house, a, b), width: width(pair.edge.wire_bytes) });
  }
  // what went out has a way through the street and a cell where its two VMs meet
  for (const pair of pairs) {
    if (!isOut(pair) || !layout.houses.get(pair.placeA)?.matrix) continue;
    const [a, b] = [layout.tiles.get(pair.a.id), layout.tiles.get(pair.b.id)];
    if (a && b) listIn(cells, pair.placeA).push({ pair, lane: pair.lane, row: a.column, column: b.column });
  }
  return { arcs, cells };
}

/** @template T @param {Map<string, T[]>} map @param {string} key @returns {T[]} */
function listIn(map, key) {
  const list = map.get(key) ?? [];
  if (list.length === 0) map.set(key, list);
  return list;
}

/** @param {Layout} layout @param {Pair[]} street @returns {Map<string, Door>} */
function doorsOf(layout, street) {
  /** @type {Map<string, Door>} */
  const doors = new Map();
  for (const pair of street) {
    const [from, to] = [houseOf(layout, pair.placeA), houseOf(layout, pair.placeB)];
    if (from === to && !isOut(pair)) continue; // between two hosts of one folded cluster
    for (const place of from === to ? [from] : [from, to]) {
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

/** Bytes of the largest trunk when nothing is filtered. @param {Layout} layout @param {Pair[]} pairs all of them */
export function mostOfTrunks(layout, pairs) {
  return bundlesOf(layout, pairs.filter((pair) => isDrawn(pair) && !isInside(pair)))[0]?.bytes ?? 1;
}

/** Traffic between two houses, by what happened to it. @param {Layout} layout @param {Pair[]} street @returns {Bundle[]} most bytes first */
function bundlesOf(layout, street) {
  /** @type {Map<string, Bundle>} */
  const bundles = new Map();
  for (const pair of street) {
    const [one, other] = [houseOf(layout, pair.placeA), houseOf(layout, pair.placeB)];
    if (one === other) continue; // a hairpin, or between two hosts of one folded cluster
    const id = trunkId(one, other, pair.lane);
    let bundle = bundles.get(id);
    if (!bundle) bundles.set(id, bundle = { id, from: one < other ? one : other, to: one < other ? other : one, lane: pair.lane, bytes: 0, pairs: [] });
    bundle.bytes += pair.edge.wire_bytes;
    bundle.pairs.push(pair);
  }
  return [...bundles.values()].sort((p, q) => q.bytes - p.bytes);
}

/** @param {Layout} layout @param {Bundle[]} bundles @param {Map<string, Door>} doors @param {(bytes: number) => number} width @returns {Trunk[]} */
function trunksOf(layout, bundles, doors, width) {
  const ends = trunkEnds(layout, new Map(bundles.map((bundle) => [bundle.id, bundle])), doors);
  return bundles.flatMap((bundle) => {
    const curve = trunkCurve(layout, bundle, ends.get(bundle.id) ?? {});
    const joins = layout.houses.get(bundle.from)?.street !== layout.houses.get(bundle.to)?.street;
    // between streets many lie side by side on the spine
    return curve ? [{ ...bundle, curve, width: width(bundle.bytes) * (joins && layout.streets.length > 1 ? 0.5 : 1) }] : [];
  });
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
  const room = a.row === house.rows - 1 ? house.arcs : MEASURES.rowGap;
  const across = Math.abs(xb - xa) / house.box.w;
  const height = Math.min(room - 8, room * (0.3 + 0.86 * across)) / 0.75;
  const y = outer(a);
  return new Pen(xa, y).cubic(xa, y + outward * height, xb, y + outward * height, xb, y).done();
}

/** @param {Layout} layout @param {Pair[]} street @param {(bytes: number) => number} width @returns {Map<string, Stem[]>} */
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
  /** @type {Map<string, Stem[]>} */
  const stems = new Map();
  for (const [id, lanes] of sums) {
    const tile = /** @type {Tile} */ (layout.tiles.get(id));
    const house = /** @type {House} */ (layout.houses.get(tile.place));
    const present = STEM_ORDER.filter((lane) => lanes.has(lane));
    present.forEach((lane, index) => {
      const [x, y] = stemStart(house, tile, index, present.length);
      const bytes = lanes.get(lane) ?? 0;
      const most = house.matrix ? house.matrix.cellWidth * 0.62 / present.length : Infinity;
      listIn(stems, tile.place).push({ id, lane, bytes, width: Math.min(most, width(bytes)), curve: new Pen(x, y).line(x, switchEdge(house)).done() });
    });
  }
  return stems;
}

/** @param {House} house @returns {number} y of the vSwitch bar's edge towards the tiles */
function switchEdge(house) {
  return house.outward < 0 ? house.vswitch.y : house.vswitch.y + house.vswitch.h;
}

/**
 * Where a stem leaves its tile; from a second row it runs down between the tiles of the first, from a matrix below the column.
 * @param {House} house @param {Tile} tile @param {number} index @param {number} of
 * @returns {[number, number]}
 */
function stemStart(house, tile, index, of) {
  if (house.matrix) {
    const { x, y, h, cellWidth } = house.matrix;
    return [x + cellWidth * (tile.column + 0.5 + (index - (of - 1) / 2) / (of + 0.6)), house.outward < 0 ? y + h + 2 : y - 2];
  }
  const y = house.outward < 0 ? tile.y + tile.h : tile.y;
  const step = Math.min(STEM_STEP, (tile.w - 8) / of);
  if (tile.row === 0) return [tile.x + tile.w / 2 + (index - (of - 1) / 2) * step, y];
  return [tile.x + tile.w + 1.5, y];
}

/** @param {Layout} layout @param {Pair[]} pairs @param {Map<string, Door>} doors @param {(bytes: number) => number} width @returns {Turn[]} */
function turnsOf(layout, pairs, doors, width) {
  /** @type {Map<string, Pair[]>} */
  const byHouse = new Map();
  for (const pair of pairs) listIn(byHouse, houseOf(layout, pair.placeA)).push(pair);
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
    return tileA && tileB && house && !house.matrix ? arcCurve(house, tileA, tileB) : null;
  }
  if (isTurn(pair)) return tileA && tileB ? turnRoute(layout, routes, pair, tileA, tileB) : null;
  const [one, other] = [houseOf(layout, pair.placeA), houseOf(layout, pair.placeB)];
  if (one === other) return isOut(pair) && tileA && tileB ? doorRoute(layout, routes, one, tileA, tileB) : null;
  const id = trunkId(one, other, pair.lane);
  const trunk = routes.trunks.find((bundle) => bundle.id === id);
  const bundle = { from: one < other ? one : other, to: one < other ? other : one, lane: pair.lane };
  const curve = trunk?.curve ?? trunkCurve(layout, bundle, {});
  if (!curve) return null;
  const points = bundle.from === one ? curve.points : [...curve.points].reverse();
  const first = points[0] ?? [0, 0];
  const last = points.at(-1) ?? [0, 0];
  const pen = tileA ? approach(layout, tileA, first) : new Pen(...first);
  for (const [x, y] of points) pen.line(x, y);
  if (tileB) for (const [x, y] of [...approach(layout, tileB, last).done().points].reverse()) pen.line(x, y);
  return pen.done();
}

/** From both tiles to the door, where nothing tells how it went on. @param {Layout} layout @param {Routes} routes @param {string} place @param {Tile} a @param {Tile} b @returns {Curve} */
function doorRoute(layout, routes, place, a, b) {
  const house = /** @type {House} */ (layout.houses.get(place));
  /** @type {[number, number]} */
  const exit = [routes.doors.get(place)?.trunkX ?? house.door.x, house.wall];
  const pen = approach(layout, a, exit).line(...exit);
  for (const [x, y] of [...approach(layout, b, exit).done().points].reverse()) pen.line(x, y);
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
