// What stands inside a house: tiles in rows, a matrix when they are many, the hosts of a cluster. Pure.

import { UNPLACED } from '../model/graph-model.js';
import { isCluster } from '../model/clusters.js';
import { MEASURES } from './measures.js';

/**
 * Chosen once for each house and then kept.
 * @typedef {{type: 'tiles', perRow: number} | {type: 'matrix', most: number} | {type: 'hosts', perRow: number}} Interior
 */

/** More endpoints than this in several rows would tangle their arcs: they become a matrix. */
const MOST_IN_ROWS = 16;
/** Tiles drawn in one house that has grown; the others are counted in its caption and stand in the table. */
export const MOST_TILES = 60;
/** Rows and columns of the largest matrix. */
export const MOST_CELLS = 200;
const MATRIX_DEPTH = 430;
const CELL = { least: 2.6, most: 16, flattest: 2.3 };
/** Gaps around a matrix: towards the street, and towards the header. */
const MATRIX_EDGE = 12;
const LIVE_TILES = 8;

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
function perRowFor(tiles, houseWidth) {
  const inner = houseWidth - 2 * MEASURES.pad;
  const most = Math.floor((inner + 3) / (MEASURES.minTile + 3));
  if (tiles <= most) return Math.max(1, tiles);
  const comfortable = Math.floor((inner + 3) / (MEASURES.comfortTile + 3));
  return Math.ceil(tiles / Math.ceil(tiles / comfortable));
}

/**
 * @param {string} place
 * @param {number} size endpoints, or hosts of a cluster
 * @param {number} houseWidth
 * @param {boolean} growing with room to spare
 * @returns {Interior}
 */
export function interiorFor(place, size, houseWidth, growing) {
  if (isCluster(place)) return { type: 'hosts', perRow: hostsPerRow(size, houseWidth) };
  const perRow = perRowFor(growing ? Math.max(size, LIVE_TILES) : size, houseWidth);
  if (size <= MOST_IN_ROWS || size <= perRow) return { type: 'tiles', perRow };
  const spare = growing ? Math.ceil(size / 4) + 8 : Math.ceil(size / 40);
  return { type: 'matrix', most: Math.min(MOST_CELLS, size + spare) };
}

/** Hosts of a cluster side by side: named while there is room, then as squares. @param {number} hosts @param {number} houseWidth */
function hostsPerRow(hosts, houseWidth) {
  const inner = houseWidth - 2 * MEASURES.pad;
  const [named, squares] = [Math.floor(inner / 70), Math.floor(inner / 34)];
  return Math.max(1, Math.ceil(hosts / named) <= MEASURES.hostRows ? Math.min(named, Math.max(4, hosts)) : squares);
}

/** @param {number} most @param {number} houseWidth @returns {{cellWidth: number, cellHeight: number, labelWidth: number}} */
export function matrixCells(most, houseWidth) {
  const inner = houseWidth - 2 * MEASURES.pad - 4;
  const labels = Math.max(52, Math.min(116, inner * 0.22));
  const widest = (inner - labels) / most;
  const cellHeight = Math.max(CELL.least, Math.min(widest, MATRIX_DEPTH / most, CELL.most));
  const cellWidth = Math.min(widest, cellHeight * CELL.flattest);
  return { cellWidth, cellHeight, labelWidth: Math.min(150, inner - cellWidth * most) };
}

/** @param {string} place @returns {number} everything of a house but its inside and the room of arcs */
function fixedDepth(place) {
  return MEASURES.tileDepth + MEASURES.header + (place === UNPLACED ? MEASURES.remedy : 0);
}

/**
 * How deep a house has to be.
 * @param {string} place
 * @param {Interior} interior
 * @param {number} size
 * @param {{houseWidth: number, arcs: number}} frame
 */
export function depthNeeded(place, interior, size, { houseWidth, arcs }) {
  const { tileHeight, rowGap, hostHeight, hostGap } = MEASURES;
  if (interior.type === 'matrix') return fixedDepth(place) + MATRIX_EDGE + interior.most * matrixCells(interior.most, houseWidth).cellHeight;
  if (interior.type === 'hosts') return fixedDepth(place) - MEASURES.tileDepth + 46 + 10 + Math.ceil(size / interior.perRow) * (hostHeight + hostGap);
  const rows = Math.max(1, Math.ceil(Math.min(size, MOST_TILES) / interior.perRow));
  return fixedDepth(place) + tileHeight + (rows - 1) * (tileHeight + rowGap) + arcs;
}

/**
 * How many have a place inside a house of that depth.
 * @param {string} place
 * @param {Interior} interior
 * @param {number} depth
 * @param {number} arcs
 */
export function roomIn(place, interior, depth, arcs) {
  if (interior.type === 'matrix') return interior.most;
  if (interior.type === 'hosts') return Infinity;
  const { tileHeight, rowGap } = MEASURES;
  const rows = 1 + Math.floor((depth - fixedDepth(place) - tileHeight - arcs + 0.5) / (tileHeight + rowGap));
  return Math.min(MOST_TILES, Math.max(1, rows) * interior.perRow);
}
