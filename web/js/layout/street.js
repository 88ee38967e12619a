// Slots and a frame in, rectangles out: houses on both sides of streets, tiles in rows inside. Pure.

import { UNPLACED } from '../model/graph-model.js';
import { MEASURES, MOST_TILES, houseDepth, perRowFor, tileGap, tileWidth } from './frame.js';

/** @typedef {import('./frame.js').Frame} Frame */
/** @typedef {import('./slots.js').Slots} Slots */
/** @typedef {{x: number, y: number, w: number, h: number}} Rect */
/** @typedef {Rect & {id: string, place: string, row: number, column: number}} Tile */

/**
 * @typedef {object} House
 * @property {string} place
 * @property {number} street
 * @property {1|-1} outward sign of y away from the street: −1 above it, +1 below
 * @property {Rect} box
 * @property {number} wall y of the street-side wall
 * @property {number} column
 * @property {number} rows
 * @property {Rect} vswitch
 * @property {{x: number, y: number}} door middle of the door in the wall
 * @property {Tile[]} tiles
 * @property {Rect|null} more the last tile, which counts those without a slot
 * @property {number} folded endpoints without a tile of their own
 */

/** @typedef {{top: number, bottom: number, mid: number}} Street y of both walls and of the middle */

/**
 * @typedef {object} Layout
 * @property {Map<string, House>} houses
 * @property {Map<string, Tile>} tiles
 * @property {Street[]} streets
 * @property {Rect} outside gate to peers that are no VMs
 * @property {Rect} routers chip of routers that stand on no host
 * @property {number} spineX where streets are joined
 * @property {Rect} bounds of everything
 */

/**
 * @param {Slots} slots
 * @param {Frame} frame
 * @returns {Layout}
 */
export function layOut(slots, frame) {
  const columns = frame.columns;
  const streetCount = Math.max(1, Math.ceil(slots.houses.length / (2 * columns)));
  const streets = streetLines(frame, streetCount, slots.houses.includes(UNPLACED));
  /** @type {Map<string, House>} */
  const houses = new Map();
  /** @type {Map<string, Tile>} */
  const tiles = new Map();
  slots.houses.forEach((place, index) => {
    const band = Math.floor(index / columns);
    const street = /** @type {Street} */ (streets[Math.floor(band / 2)]);
    const house = houseAt(place, slots.tiles[place] ?? [], frame, index % columns, band, street);
    houses.set(place, house);
    for (const tile of house.tiles) tiles.set(tile.id, tile);
  });
  return { houses, tiles, streets, ...streetEnds(frame, slots, streets), bounds: boundsOf([...houses.values()], streets, frame, slots) };
}

/** @param {Frame} frame @param {number} streetCount @param {boolean} remedy @returns {Street[]} */
function streetLines(frame, streetCount, remedy) {
  const { gap, street } = MEASURES;
  const depth = (/** @type {number} */ band) => houseDepth(frame.bandRows[band] ?? 2, remedy);
  /** @type {Street[]} */
  const streets = [];
  let top = 0; // the first wall is the origin: houses above it grow upwards without moving anything
  for (let i = 0; i < streetCount; i += 1) {
    if (i > 0) top += depth(2 * i - 1) + gap + depth(2 * i);
    streets.push({ top, bottom: top + street, mid: top + street / 2 });
    top += street;
  }
  return streets;
}

/**
 * @param {string} place
 * @param {(string|null)[]} ids
 * @param {Frame} frame
 * @param {number} column
 * @param {number} band
 * @param {Street} street
 * @returns {House}
 */
function houseAt(place, ids, frame, column, band, street) {
  const { margin, gap, switchDepth, switchHeight } = MEASURES;
  const w = frame.houseWidth;
  const x = margin + column * (w + gap);
  const outward = band % 2 === 0 ? -1 : 1;
  const wall = outward < 0 ? street.top : street.bottom;
  const perRow = frame.perRow[place] ?? perRowFor(8, w);
  const room = Math.min(MOST_TILES, perRow * Math.max(frame.bandRows[band] ?? 2, 1));
  // the last slot counts those without one; a growing map keeps it free, so that nobody has to give it up later
  const most = frame.growing || ids.length > room ? room - 1 : room;
  const folded = ids.slice(most);
  const shown = ids.slice(0, most);
  const rows = Math.max(1, Math.ceil((shown.length + (folded.length ? 1 : 0)) / perRow));
  const depth = houseDepth(rows, place === UNPLACED);
  const slot = (/** @type {number} */ index) => tileRect(x, w, wall, outward, perRow, index);
  return {
    place, street: Math.floor(band / 2), outward, wall, column, rows,
    box: { x, y: outward < 0 ? wall - depth : wall, w, h: depth },
    vswitch: { x: x + 14, y: outward < 0 ? wall - switchDepth - switchHeight : wall + switchDepth, w: w - 28, h: switchHeight },
    door: { x: x + w / 2, y: wall },
    tiles: shown.flatMap((id, index) =>
      id === null ? [] : [{ id, place, row: Math.floor(index / perRow), column: index % perRow, ...slot(index) }]),
    more: folded.length ? slot(shown.length) : null,
    folded: folded.filter((id) => id !== null).length,
  };
}

/**
 * @param {number} x @param {number} w of the house
 * @param {number} wall
 * @param {1|-1} outward
 * @param {number} perRow
 * @param {number} index
 * @returns {Rect}
 */
function tileRect(x, w, wall, outward, perRow, index) {
  const { tileDepth, tileHeight, rowGap } = MEASURES;
  const gap = tileGap(perRow);
  const width = tileWidth(w, perRow);
  const left = x + (w - (perRow * width + (perRow - 1) * gap)) / 2;
  const depth = tileDepth + Math.floor(index / perRow) * (tileHeight + rowGap);
  return {
    x: left + (index % perRow) * (width + gap),
    y: outward < 0 ? wall - depth - tileHeight : wall + depth,
    w: width,
    h: tileHeight,
  };
}

/** @param {Frame} frame @param {Slots} slots @param {Street[]} streets */
function streetEnds(frame, slots, streets) {
  const { margin, gap, gate } = MEASURES;
  const columns = Math.min(frame.columns, Math.max(1, slots.houses.length));
  const right = margin + columns * frame.houseWidth + (columns - 1) * gap;
  const first = /** @type {Street} */ (streets[0]);
  const x = right + margin + frame.gateRoom - gate.w - 6;
  return {
    outside: { x, y: first.mid - gate.h - 6, ...gate },
    routers: { x, y: first.mid + 8, ...gate },
    spineX: right + margin + frame.gateRoom + 22,
  };
}

/** @param {House[]} houses @param {Street[]} streets @param {Frame} frame @param {Slots} slots @returns {Rect} */
function boundsOf(houses, streets, frame, slots) {
  const { margin, gap, spine } = MEASURES;
  const columns = Math.min(frame.columns, Math.max(1, slots.houses.length));
  const last = /** @type {Street} */ (streets.at(-1));
  const top = Math.min(0, ...houses.map((house) => house.box.y));
  const bottom = Math.max(last.bottom - MEASURES.kerb, ...houses.map((house) => house.box.y + house.box.h));
  const width = 2 * margin + frame.gateRoom + columns * frame.houseWidth + (columns - 1) * gap + (streets.length > 1 ? spine : 0);
  return { x: 0, y: top, w: width, h: bottom - top };
}
