// Slots and a frame in, rectangles out: houses on both sides of streets, with what stands inside. Pure.

import { UNPLACED } from '../model/graph-model.js';
import { isCluster } from '../model/clusters.js';
import { MEASURES } from './measures.js';
import { depthNeeded, matrixCells, roomIn, tileGap, tileWidth } from './interior.js';

/** @typedef {import('./frame.js').Frame} Frame */
/** @typedef {import('./slots.js').Slots} Slots */
/** @typedef {{x: number, y: number, w: number, h: number}} Rect */
/** @typedef {Rect & {id: string, place: string, row: number, column: number}} Tile in a matrix: the label of its row */
/** @typedef {Rect & {cellWidth: number, cellHeight: number, labelWidth: number, used: number}} Matrix used: rows that somebody has */
/** @typedef {Rect & {place: string}} HostChip a host inside its cluster */

/**
 * @typedef {object} House
 * @property {string} place a host, a cluster, or the unplaced
 * @property {number} street
 * @property {1|-1} outward sign of y away from the street: −1 above it, +1 below
 * @property {Rect} box
 * @property {number} wall y of the street-side wall
 * @property {number} column
 * @property {number} rows
 * @property {number} arcs depth that arcs have above the last row
 * @property {Rect} vswitch
 * @property {{x: number, y: number}} door middle of the door in the wall
 * @property {Tile[]} tiles
 * @property {(Tile & {label: string})[]} ghosts slots whose endpoint is gone or stands elsewhere now
 * @property {Matrix|null} matrix
 * @property {HostChip[]} hosts of a cluster
 * @property {string[]} without ids of endpoints that found no room
 */

/** @typedef {{top: number, bottom: number, mid: number}} Street y of both walls and of the middle */

/**
 * @typedef {object} Layout
 * @property {Map<string, House>} houses
 * @property {Map<string, Tile>} tiles
 * @property {Map<string, string>} folded cluster of each host that is drawn in one
 * @property {Street[]} streets
 * @property {Rect} outside gate to peers that are no VMs
 * @property {Rect} routers chip of routers that stand on no host
 * @property {number} spineX where streets are joined
 * @property {Rect} bounds of everything
 */

/** @param {Layout} layout @param {string} place @returns {string} the house that it is drawn in */
export function houseOf(layout, place) {
  return layout.folded.get(place) ?? place;
}

/**
 * @param {Slots} slots
 * @param {Frame} frame grown for the slots
 * @param {Map<string, string>} [folded] cluster of each host that is drawn in one
 * @returns {Layout}
 */
export function layOut(slots, frame, folded = new Map()) {
  const streets = streetLines(frame);
  /** @type {Map<string, string[]>} */
  const members = new Map();
  for (const [host, cluster] of folded) members.set(cluster, [...(members.get(cluster) ?? []), host]);
  /** @type {Map<string, House>} */
  const houses = new Map();
  /** @type {Map<string, Tile>} */
  const tiles = new Map();
  slots.houses.forEach((place, index) => {
    const house = houseAt(place, slots, members.get(place) ?? [], frame, index, streets);
    houses.set(place, house);
    for (const tile of house.tiles) tiles.set(tile.id, tile);
  });
  return { houses, tiles, folded, streets, ...streetEnds(frame, slots, streets), bounds: boundsOf([...houses.values()], streets, frame, slots) };
}

/** @param {Frame} frame @returns {Street[]} */
function streetLines({ depths }) {
  const { gap, street } = MEASURES;
  /** @type {Street[]} */
  const streets = [];
  let top = 0; // the first wall is the origin: houses above it grow upwards without moving anything
  for (let i = 0; i < Math.max(1, Math.ceil(depths.length / 2)); i += 1) {
    if (i > 0) top += (depths[2 * i - 1] ?? 0) + gap + (depths[2 * i] ?? 0);
    streets.push({ top, bottom: top + street, mid: top + street / 2 });
    top += street;
  }
  return streets;
}

/**
 * @param {string} place
 * @param {Slots} slots
 * @param {string[]} hosts of a cluster
 * @param {Frame} frame
 * @param {number} index along the street
 * @param {Street[]} streets
 * @returns {House}
 */
function houseAt(place, slots, hosts, frame, index, streets) {
  const { margin, gap, switchDepth, switchHeight } = MEASURES;
  const { columns, houseWidth: w } = frame;
  const band = Math.floor(index / columns);
  const column = index % columns;
  const street = /** @type {Street} */ (streets[Math.floor(band / 2)]);
  const x = margin + column * (w + gap);
  const outward = band % 2 === 0 ? -1 : 1;
  const wall = outward < 0 ? street.top : street.bottom;
  const interior = /** @type {import('./interior.js').Interior} */ (frame.interiors[place]);
  const ids = isCluster(place) ? [] : slots.tiles[place] ?? [];
  const room = roomIn(place, interior, frame.depths[band] ?? 0, frame.arcs);
  const slotted = ids.slice(0, room);
  const needed = depthNeeded(place, interior, isCluster(place) ? hosts.length : slotted.length, frame);
  const depth = alignedDepth(needed, frame, band);
  const at = { place, x, w, wall, outward: /** @type {1|-1} */ (outward) };
  const matrix = interior.type === 'matrix' ? matrixAt(at, interior.most, slotted.length) : null;
  const perRow = interior.type === 'matrix' ? 1 : interior.perRow;
  const all = slotted.map((id, slot) => (matrix ? rowLabel(matrix, place, id, slot) : tileAt(at, perRow, id, slot)));
  const ghosts = slots.ghosts[place] ?? {};
  const isGhost = (/** @type {{id: string}} */ { id }) => ghosts[id] !== undefined;
  return {
    place, street: Math.floor(band / 2), outward: at.outward, wall, column, arcs: frame.arcs + depth - needed, matrix,
    rows: matrix ? 1 : Math.max(1, Math.ceil(slotted.length / perRow)),
    box: { x, y: outward < 0 ? wall - depth : wall, w, h: depth },
    vswitch: { x: x + 14, y: outward < 0 ? wall - switchDepth - switchHeight : wall + switchDepth, w: w - 28, h: switchHeight },
    door: { x: x + w / 2, y: wall },
    tiles: all.filter((tile) => !isGhost(tile)),
    ghosts: all.filter(isGhost).map((tile) => ({ ...tile, label: ghosts[tile.id] ?? '' })),
    hosts: hosts.map((host, i) => hostChip(at, perRow, host, i, hosts.length)),
    without: ids.slice(room).filter((id) => ghosts[id] === undefined),
  };
}

/** Houses of one side have one depth, unless that would leave one mostly empty. @param {number} needed @param {Frame} frame @param {number} band */
function alignedDepth(needed, frame, band) {
  const planned = frame.depths[band] ?? needed;
  return !frame.growing && needed >= 0.72 * planned ? planned : needed;
}

/** @typedef {{place: string, x: number, w: number, wall: number, outward: 1|-1}} Walls */

/** @param {Walls} walls @param {number} perRow @param {string} id @param {number} slot @returns {Tile} */
function tileAt({ place, x, w, wall, outward }, perRow, id, slot) {
  const { tileDepth, tileHeight, rowGap } = MEASURES;
  const gap = tileGap(perRow);
  const width = tileWidth(w, perRow);
  const left = x + (w - (perRow * width + (perRow - 1) * gap)) / 2;
  const [row, column] = [Math.floor(slot / perRow), slot % perRow];
  const depth = tileDepth + row * (tileHeight + rowGap);
  return { id, place, row, column, x: left + column * (width + gap), y: outward < 0 ? wall - depth - tileHeight : wall + depth, w: width, h: tileHeight };
}

/** @param {Walls} walls @param {number} most @param {number} used @returns {Matrix} where its cells are */
function matrixAt({ x, w, wall, outward }, most, used) {
  const { cellWidth, cellHeight, labelWidth } = matrixCells(most, w);
  const [width, height] = [cellWidth * most, cellHeight * most];
  const left = x + (w - width - labelWidth) / 2 + labelWidth;
  return { x: left, y: outward < 0 ? wall - MEASURES.tileDepth - height : wall + MEASURES.tileDepth, w: width, h: height, cellWidth, cellHeight, labelWidth, used };
}

/** @param {Matrix} matrix @param {string} place @param {string} id @param {number} slot @returns {Tile} */
function rowLabel(matrix, place, id, slot) {
  const w = matrix.labelWidth;
  return { id, place, row: 0, column: slot, x: matrix.x - w, y: matrix.y + slot * matrix.cellHeight, w, h: matrix.cellHeight };
}

/** @param {Matrix} matrix @param {number} row @param {number} column @returns {Rect} */
export function cellAt({ x, y, cellWidth, cellHeight }, row, column) {
  return { x: x + column * cellWidth, y: y + row * cellHeight, w: cellWidth, h: cellHeight };
}

/** @param {Walls} walls @param {number} perRow @param {string} host @param {number} index @param {number} of @returns {HostChip} read from above, on both sides of the street */
function hostChip({ x, w, wall, outward }, perRow, host, index, of) {
  const { pad, hostHeight, hostGap } = MEASURES;
  const width = Math.min(150, (w - 2 * pad - 8 - hostGap * (perRow - 1)) / perRow);
  const left = x + (w - (perRow * width + (perRow - 1) * hostGap)) / 2;
  const row = Math.floor(index / perRow);
  const depth = 46 + (outward < 0 ? Math.ceil(of / perRow) - 1 - row : row) * (hostHeight + hostGap);
  return { place: host, x: left + (index % perRow) * (width + hostGap), y: outward < 0 ? wall - depth - hostHeight : wall + depth, w: width, h: hostHeight };
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
  const bottom = Math.max(last.bottom - (frame.depths.length > 1 ? MEASURES.kerb : MEASURES.farSide), ...houses.map((house) => house.box.y + house.box.h));
  const width = 2 * margin + frame.gateRoom + columns * frame.houseWidth + (columns - 1) * gap + (streets.length > 1 ? spine : 0);
  return { x: 0, y: top, w: width, h: bottom - top };
}
