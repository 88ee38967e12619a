// A house as items: walls, header with its share, vSwitch, tiles and door. Pure.

import { bytes, percent, plural, visibleText } from '../format.js';
import { MEASURES } from '../layout/frame.js';
import { UNPLACED } from '../model/graph-model.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/street.js').Tile} Tile */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */

const BAR = { w: 138, h: 9 };
const NOTHING = { total: 0, stayed: 0, left: 0, hairpin: 0, undetermined: 0 };

/** @param {string} place */
export function placeName(place) {
  return place === UNPLACED ? 'Host not known yet' : visibleText(place);
}

/**
 * Walls, tint and header.
 * @param {House} house
 * @param {Split|undefined} sums
 * @param {DocumentNode[]} nodes
 * @returns {Item[]}
 */
export function houseItems(house, sums, nodes) {
  const { box } = house;
  const split = sums ?? NOTHING;
  const unplaced = house.place === UNPLACED;
  return [
    { kind: 'rect', ...box, r: 12, fill: 'box', stroke: 'boxline', lw: unplaced ? 1.6 : 2, ...(unplaced ? { dash: [4, 5] } : {}), shadow: true },
    ...(unplaced ? [] : [tint(house, split)]),
    ...header(house, split, nodes),
    ...(unplaced ? remedy(house, nodes) : []),
    ...vswitchItems(house),
  ];
}

/** The stronger, the more of its traffic stays. @param {House} house @param {Split} split @returns {Item} */
function tint({ box, outward }, split) {
  const { header: head, tileDepth } = MEASURES;
  const inner = tileDepth + 18;
  const h = box.h - head - 2 - inner;
  const share = split.total ? split.stayed / split.total : 0;
  const y = outward < 0 ? box.y + head + 2 : box.y + inner;
  return { kind: 'rect', x: box.x + 8, y, w: box.w - 16, h, r: 8, fill: 'stay-soft', alpha: Math.round(share * 100) / 100 };
}

/** @param {House} house @param {Split} split @param {DocumentNode[]} nodes @returns {Item[]} */
function header({ box, outward, place }, split, nodes) {
  const y = outward < 0 ? box.y : box.y + box.h - MEASURES.header + 2;
  const right = box.x + box.w - 14;
  const unplaced = place === UNPLACED;
  /** @type {Item[]} */
  const items = [
    unplaced
      ? { kind: 'text', x: box.x + 15, y: y + 21, text: '?', size: 15, bold: true, fill: 'ink' }
      : { kind: 'path', at: [box.x + 14, y + 9], d: 'M1 1H13V13H1ZM4 4.6H10M4 7.4H10M4 10.2H7', stroke: 'ink', lw: 1.5 },
    { kind: 'text', x: box.x + (unplaced ? 28 : 34), y: y + 21, text: placeName(place), size: unplaced ? 13.5 : 15, bold: true, fill: 'ink', most: box.w - BAR.w - (unplaced ? 50 : 58) },
    { kind: 'text', x: box.x + 14, y: y + 37, text: houseCaption(nodes, unplaced), size: 11.5, fill: 'ink3', most: box.w - BAR.w - 40 },
  ];
  if (split.total === 0) {
    return [...items, { kind: 'text', x: right, y: y + 21, text: 'no traffic shown', size: 11.5, align: 'right', fill: 'ink3' }];
  }
  const tail = unplaced ? ` · ${bytes(split.total)}` : ` stayed · ${bytes(split.total)}`;
  const lead = unplaced ? `? ${percent(split.undetermined, split.total)}` : percent(split.stayed, split.total);
  return [
    ...items,
    { kind: 'text', x: right, y: y + 20, text: tail, size: 12, align: 'right', fill: 'ink2', lead: { text: lead, size: unplaced ? 12 : 14.5, fill: unplaced ? 'ink2' : 'stay' } },
    ...splitBar(right - BAR.w, y + 26, BAR.w, BAR.h, split),
  ];
}

/** @param {DocumentNode[]} nodes @param {boolean} unplaced */
function houseCaption(nodes, unplaced) {
  const vms = nodes.filter((node) => node.kind === 'vm').length;
  const others = nodes.length - vms;
  const parts = [];
  if (vms || !others) parts.push(plural(vms, 'VM'));
  if (others) parts.push(plural(others, unplaced ? 'other endpoint' : 'other'));
  const switches = [...new Set(nodes.map((node) => node.vswitch).filter((name) => name !== null))];
  if (!unplaced && switches.length) parts.push(visibleText(switches.join(', ')));
  return parts.join(' · ');
}

/**
 * @param {number} x @param {number} y @param {number} w @param {number} h
 * @param {Split} split
 * @returns {Item[]}
 */
export function splitBar(x, y, w, h, split) {
  /** @type {[string, number][]} */
  const parts = [['stay', split.stayed], ['tex-leave', split.left - split.hairpin], ['tex-hair', split.hairpin], ['tex-unk', split.undetermined]];
  /** @type {Item[]} */
  const items = [];
  let at = x;
  for (const [fill, part] of parts) {
    const width = (w * part) / split.total;
    if (part > 0) items.push({ kind: 'rect', x: at, y, w: Math.max(1.5, width - 1.5), h, r: 2, fill });
    at += width;
  }
  return items;
}

/** @param {House} house @param {DocumentNode[]} nodes @returns {Item[]} */
function remedy({ box, outward }, nodes) {
  const y = outward < 0 ? box.y + MEASURES.header + 14 : box.y + box.h - MEASURES.header - 28;
  const x = box.x + box.w / 2;
  const most = box.w - 24;
  const macs = nodes.some((node) => node.macs.length > 0);
  return [
    { kind: 'text', x, y, text: `Drop an inventory here that places these ${macs ? 'MACs' : 'addresses'},`, size: 11.5, align: 'center', fill: 'ink2', most },
    { kind: 'text', x, y: y + 15, text: 'or add a mirror together with the uplinks of their host', size: 11.5, align: 'center', fill: 'ink2', most },
  ];
}

/** @param {House} house @returns {Item[]} */
function vswitchItems({ vswitch, place }) {
  const unplaced = place === UNPLACED;
  return [
    { kind: 'rect', ...vswitch, r: 4, fill: 'street', stroke: unplaced ? 'unk' : 'boxline', lw: 1, ...(unplaced ? { dash: [3, 3] } : {}) },
    { kind: 'text', x: vswitch.x + 6, y: vswitch.y + 10.5, text: unplaced ? 'vSWITCH ?' : 'vSWITCH', size: 9.5, spacing: 0.8, fill: 'ink3' },
  ];
}

/**
 * @param {House} house
 * @param {GraphModel} model
 * @param {{selected: Set<string>, faded: (id: string) => boolean}} state
 * @returns {Item[]}
 */
export function tileItems(house, model, { selected, faded }) {
  /** @type {Item[]} */
  const items = [];
  for (const tile of house.tiles) {
    const node = model.nodes.get(tile.id);
    if (!node) continue;
    const chosen = selected.has(tile.id);
    const machine = node.kind === 'vm' || node.kind === 'unknown';
    const alpha = faded(tile.id) && !chosen ? 0.4 : 1;
    items.push(
      { kind: 'rect', x: tile.x, y: tile.y, w: tile.w, h: tile.h, r: 7, fill: 'box' },
      { kind: 'rect', x: tile.x, y: tile.y, w: tile.w, h: tile.h, r: 7, fill: 'tile', stroke: chosen ? 'sel' : 'boxline', lw: chosen ? 3 : 1.2, alpha, ...(machine ? {} : { dash: [3, 2] }) },
      { kind: 'name', x: tile.x, y: tile.y, w: tile.w, h: tile.h, text: visibleText(node.label), fill: 'ink', alpha },
    );
  }
  if (house.more) {
    const { x, y, w, h } = house.more;
    items.push(
      { kind: 'rect', x, y, w, h, r: 7, fill: 'box', stroke: 'boxline', lw: 1.2, dash: [2, 3] },
      { kind: 'name', x, y, w, h, text: `+${house.folded} more`, fill: 'ink2' },
    );
  }
  return items;
}

/**
 * @param {House} house
 * @param {number} half
 * @param {Split|undefined} split
 * @returns {Item[]}
 */
export function doorItems({ door, place }, half, split) {
  const unplaced = place === UNPLACED;
  const share = split && split.total ? split.left / split.total : 0;
  const text = unplaced ? 'path not seen' : `uplink ${percent(share, 1)}`;
  return [
    { kind: 'rect', x: door.x - half, y: door.y - 8, w: 2 * half, h: 16, r: 5, fill: 'panel', stroke: unplaced ? 'unk' : 'boxline', lw: unplaced ? 1.1 : 1.5, ...(unplaced ? { dash: [3, 3] } : {}) },
    { kind: 'text', x: door.x, y: door.y + 4, text, size: 10.5, align: 'center', fill: 'ink2' },
  ];
}
