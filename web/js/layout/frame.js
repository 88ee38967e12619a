// The measures that are chosen once for a map and a window, and then kept while the map grows. Pure.

import { isCluster } from '../model/clusters.js';
import { MEASURES } from './measures.js';
import { depthNeeded, interiorFor, matrixCells, tileWidth } from './interior.js';
import { byHost } from './slots.js';

/** @typedef {import('./interior.js').Interior} Interior */
/** @typedef {{width: number, height: number}} Size */

const SPARE_ROWS = 2;
const MOST_COLUMNS = 32;
const STRETCH = 90;
/** A live map begins with the hosts that are seen first: its columns are chosen for as many as usually follow. */
const EXPECTED = { houses: 6, endpoints: 8 };

/**
 * @typedef {object} Frame
 * @property {number} columns houses along one side of a street
 * @property {number} houseWidth
 * @property {Record<string, Interior>} interiors by house
 * @property {number[]} depths that each side of each street has room for, from the top
 * @property {number} arcs depth that arcs have above the last row of tiles
 * @property {number} gateRoom width beside the last house for the chips in the street
 * @property {boolean} growing made for a live map, with room to spare
 */

/**
 * @param {Map<string, number>} sizes endpoints of each house, or hosts of a cluster, in order
 * @param {Size} window CSS pixels that the map may fill
 * @param {{growing: boolean, gates: boolean}} map gates: there is traffic to Outside or to routers
 * @returns {Frame}
 */
export function planFrame(sizes, window, { growing, gates }) {
  const expected = growing ? withExpected(sizes) : sizes;
  const houses = Math.max(1, expected.size);
  const widest = sizes.size <= 1 && !growing ? MEASURES.maxLoneHouse : MEASURES.maxHouse;
  const step = houses > 60 ? 92 : 46;
  /** @type {Frame|null} */
  let best = null;
  let bestScore = -1;
  for (let columns = 1; columns <= Math.min(houses, MOST_COLUMNS); columns += 1) {
    for (let houseWidth = MEASURES.minHouse; houseWidth <= widest; houseWidth += step) {
      const frame = frameOf(expected, columns, houseWidth, growing, gates || growing ? MEASURES.gateRoom : 0);
      const score = readability(frame, expected, window);
      if (score > bestScore + 1e-9) [best, bestScore] = [frame, score];
    }
  }
  const { columns, houseWidth, gateRoom } = /** @type {Frame} */ (best);
  return stretched(frameOf(sizes, columns, houseWidth, growing, gateRoom), sizes, window);
}

/** @param {Map<string, number>} sizes @returns {Map<string, number>} filled up with houses that have no name */
function withExpected(sizes) {
  const spare = Array.from({ length: Math.max(1, EXPECTED.houses - sizes.size) }, (_, i) => /** @type {[string, number]} */ ([`\u0003${i}`, EXPECTED.endpoints]));
  return new Map([...sizes, ...spare]);
}

/**
 * @param {Map<string, number>} sizes
 * @param {number} columns
 * @param {number} houseWidth
 * @param {boolean} growing
 * @param {number} gateRoom
 * @returns {Frame}
 */
function frameOf(sizes, columns, houseWidth, growing, gateRoom) {
  return grown({ columns, houseWidth, interiors: {}, depths: [], arcs: MEASURES.arcs, gateRoom, growing }, sizes);
}

/**
 * Makes room for newcomers without moving anybody: a house may only become deeper where nothing stands behind it.
 * @param {Frame} frame
 * @param {Map<string, number>} sizes
 * @returns {Frame}
 */
export function grown(frame, sizes) {
  const interiors = byHost(frame.interiors);
  const depths = [...frame.depths];
  const bands = depths.length;
  let index = 0;
  for (const [place, size] of sizes) {
    const band = Math.floor(index / frame.columns);
    const fresh = band >= bands;
    const free = fresh || band === 0 || (band === bands - 1 && band % 2 === 1);
    const interior = interiors[place] ?? fitting(place, size, frame, free ? Infinity : depths[band] ?? 0);
    interiors[place] = interior;
    const spare = fresh && frame.growing ? SPARE_ROWS * (MEASURES.tileHeight + MEASURES.rowGap) : 0;
    const least = oneRowDepth(frame); // so that a host that comes later fits in, too
    if (free) depths[band] = Math.max(depths[band] ?? 0, least, depthNeeded(place, interior, size, frame) + spare);
    index += 1;
  }
  return { ...frame, interiors, depths };
}

/** @param {string} place @param {number} size @param {Frame} frame @param {number} depth that there is @returns {Interior} */
function fitting(place, size, frame, depth) {
  const wanted = interiorFor(place, size, frame.houseWidth, frame.growing);
  return depthNeeded(place, wanted, size, frame) <= depth ? wanted : interiorFor(place, 1, frame.houseWidth, true);
}

/** @param {Frame} frame */
function oneRowDepth(frame) {
  return depthNeeded('', { type: 'tiles', perRow: 1 }, 1, frame);
}

/** Arcs take the height that the window has left. @param {Frame} frame @param {Map<string, number>} sizes @param {Size} window @returns {Frame} */
function stretched(frame, sizes, window) {
  const bands = frame.depths.length;
  if (bands > 2 || frame.growing) return frame;
  const size = frameSize(frame, sizes);
  const left = window.height / Math.min(window.width / size.width, 1.3) - size.height;
  if (left <= 0) return frame;
  const arcs = frame.arcs + Math.min(STRETCH, left / bands);
  return grown({ ...frame, arcs, depths: [] }, sizes);
}

/** @param {Frame} frame @param {Map<string, number>} sizes @returns {Size} */
export function frameSize(frame, sizes) {
  const { margin, gap, street, spine, tileHeight, rowGap } = MEASURES;
  const columns = Math.min(frame.columns, Math.max(1, sizes.size));
  const bands = Math.max(1, frame.depths.length);
  const spare = frame.growing ? SPARE_ROWS * (tileHeight + rowGap) : 0;
  const streets = Math.ceil(bands / 2);
  return {
    width: 2 * margin + frame.gateRoom + columns * frame.houseWidth + (columns - 1) * gap + (streets > 1 ? spine : 0),
    height: frame.depths.reduce((sum, depth) => sum + depth - spare, 0) + streets * street + (streets - 1) * gap - (bands === 1 ? MEASURES.farSide : 0),
  };
}

/**
 * How well the smallest thing can be read when the whole map fits the window.
 * @param {Frame} frame
 * @param {Map<string, number>} sizes
 * @param {Size} window
 */
export function readability(frame, sizes, window) {
  const size = frameSize(frame, sizes);
  const scale = Math.min(window.width / size.width, window.height / size.height, 1.3);
  let least = 1;
  for (const place of sizes.keys()) {
    const interior = frame.interiors[place];
    if (interior) least = Math.min(least, comfort(interior, frame.houseWidth));
  }
  const oneSided = sizes.size > 1 && frame.depths.length < 2; // a street has two sides when it can
  const joined = frame.depths.length > 2; // trunks between two streets take a long way round
  return scale * (0.55 + 0.45 * least) * (oneSided || joined ? 0.85 : 1);
}

/** @param {Interior} interior @param {number} houseWidth @returns {number} 0 to 1 */
function comfort(interior, houseWidth) {
  if (interior.type === 'hosts') return 1;
  if (interior.type === 'tiles') return Math.min(1, tileWidth(houseWidth, interior.perRow) / 72);
  const { cellWidth, cellHeight } = matrixCells(interior.most, houseWidth);
  return 0.6 * Math.min(1, cellHeight / 12) + 0.4 * Math.min(1, cellWidth / 16);
}

/** @param {import('./slots.js').Slots} slots @param {(place: string) => number} hostsOf of a cluster @returns {Map<string, number>} */
export function sizesOf(slots, hostsOf) {
  return new Map(slots.houses.map((place) => [place, isCluster(place) ? hostsOf(place) : slots.tiles[place]?.length ?? 0]));
}
