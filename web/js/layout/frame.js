// The measures that are chosen once for a map and a window, and then kept while the map grows. Pure.

import { UNPLACED } from '../model/graph-model.js';

/**
 * Lengths in map units; one unit is one CSS pixel at zoom 100 %. Depths count from the street-side wall outwards.
 */
export const MEASURES = {
  margin: 26, gap: 22, gateRoom: 48, minHouse: 318, maxHouse: 640, maxLoneHouse: 1080, street: 196, kerb: 16, spine: 64,
  gate: { w: 116, h: 40 },
  switchDepth: 22, switchHeight: 14, tileDepth: 70, tileHeight: 40, rowGap: 62, arcs: 100, header: 46, remedy: 40,
  pad: 9, maxTile: 96, comfortTile: 46, minTile: 34.5, door: 46, hairpinDoor: 70, hairpinRadius: 24,
};

/** Slots drawn in one house; the others are counted on a last tile and stand in the table. */
export const MOST_TILES = 60;
const SPARE_ROWS = 2;
const LIVE_TILES = 8;

/**
 * @typedef {object} Frame
 * @property {number} columns houses along one side of a street
 * @property {number} houseWidth
 * @property {Record<string, number>} perRow tiles in a row of each house
 * @property {number[]} bandRows tile rows that each side of each street has room for, from the top
 * @property {number} gateRoom width beside the last house for the chips in the street
 * @property {boolean} growing made for a live map, with room to spare
 */

/** @param {number} perRow */
export function tileGap(perRow) {
  return perRow > 7 ? 3 : 5;
}

/** @param {number} houseWidth @param {number} perRow */
export function tileWidth(houseWidth, perRow) {
  const gap = tileGap(perRow);
  return Math.min(MEASURES.maxTile, (houseWidth - 2 * MEASURES.pad - gap * (perRow - 1)) / perRow);
}

/**
 * Tiles of one row: all in one while they can be read, else rows of equal length.
 * @param {number} tiles
 * @param {number} houseWidth
 */
export function perRowFor(tiles, houseWidth) {
  const inner = houseWidth - 2 * MEASURES.pad;
  const most = Math.floor((inner + 3) / (MEASURES.minTile + 3));
  if (tiles <= most) return Math.max(1, tiles);
  const comfortable = Math.floor((inner + 3) / (MEASURES.comfortTile + 3));
  return Math.ceil(tiles / Math.ceil(tiles / comfortable));
}

/** @param {number} rows @param {boolean} remedy with room for the words of the unplaced house */
export function houseDepth(rows, remedy) {
  const { tileDepth, tileHeight, rowGap, arcs, header } = MEASURES;
  return tileDepth + tileHeight + (rows - 1) * (tileHeight + rowGap) + arcs + header + (remedy ? MEASURES.remedy : 0);
}

/**
 * @param {Map<string, number>} sizes tiles of each house, in order
 * @param {{width: number, height: number}} window CSS pixels that the map may fill
 * @param {{growing: boolean, gates: boolean}} map gates: there is traffic to Outside or to routers
 * @returns {Frame}
 */
export function planFrame(sizes, window, { growing, gates }) {
  const houses = Math.max(1, growing ? Math.max(sizes.size + 1, 2) : sizes.size);
  const widest = sizes.size <= 1 && !growing ? MEASURES.maxLoneHouse : MEASURES.maxHouse;
  /** @type {Frame|null} */
  let best = null;
  let bestScore = -1;
  for (let columns = 1; columns <= Math.min(houses, 14); columns += 1) {
    for (let houseWidth = MEASURES.minHouse; houseWidth <= widest; houseWidth += 46) {
      const frame = frameOf(sizes, columns, houseWidth, growing, gates || growing ? MEASURES.gateRoom : 0);
      const score = readability(frame, sizes, window);
      if (score > bestScore + 1e-9) [best, bestScore] = [frame, score];
    }
  }
  return /** @type {Frame} */ (best);
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
  /** @type {Record<string, number>} */
  const perRow = {};
  /** @type {number[]} */
  const bandRows = [];
  let index = 0;
  for (const [place, size] of sizes) {
    const tiles = Math.min(size, MOST_TILES);
    const across = perRowFor(growing ? Math.max(tiles, LIVE_TILES) : tiles, houseWidth);
    perRow[place] = across;
    const band = Math.floor(index / columns);
    const rows = Math.max(1, Math.ceil(tiles / across)) + (growing ? SPARE_ROWS : 0);
    bandRows[band] = Math.max(bandRows[band] ?? 1, rows);
    index += 1;
  }
  return { columns, houseWidth, perRow, bandRows, gateRoom, growing };
}

/** @param {Frame} frame @param {Map<string, number>} sizes @returns {{width: number, height: number}} */
export function frameSize(frame, sizes) {
  const { margin, gap, street, spine } = MEASURES;
  const columns = Math.min(frame.columns, Math.max(1, sizes.size));
  const bands = Math.max(1, frame.bandRows.length);
  const depths = frame.bandRows.map((rows) => houseDepth(frame.growing ? Math.max(1, rows - SPARE_ROWS) : rows, sizes.has(UNPLACED)));
  const streets = Math.ceil(bands / 2);
  return {
    width: 2 * margin + frame.gateRoom + columns * frame.houseWidth + (columns - 1) * gap + (streets > 1 ? spine : 0),
    height: depths.reduce((sum, depth) => sum + depth, 0) + streets * street + (streets - 1) * gap,
  };
}

/**
 * How large the smallest tile is on the screen when the whole map fits the window.
 * @param {Frame} frame
 * @param {Map<string, number>} sizes
 * @param {{width: number, height: number}} window
 */
function readability(frame, sizes, window) {
  const size = frameSize(frame, sizes);
  const scale = Math.min(window.width / size.width, window.height / size.height, 1.3);
  const narrowest = Math.min(...Object.values(frame.perRow).map((perRow) => tileWidth(frame.houseWidth, perRow)), 96);
  const oneSided = sizes.size > 1 && frame.bandRows.length < 2; // a street has two sides when it can
  const joined = frame.bandRows.length > 2; // trunks between two streets take a long way round
  return scale * Math.min(1, 0.55 + (0.45 * narrowest) / 72) * (oneSided || joined ? 0.85 : 1);
}
