// Words for the sightings of a pair and for who placed its ends. Pure.

import { count, visibleText } from '../format.js';

/** @typedef {import('../document-types.js').Sighting} Sighting */
/** @typedef {import('../document-types.js').Placement} Placement */
/** @typedef {import('../document-types.js').PlacementRow} PlacementRow */

/** @param {Sighting} row */
export function macsOf(row) {
  return `${row.src_mac ?? 'no MAC'} → ${row.dst_mac ?? 'no MAC'}`;
}

/** The tags from the outside in. @param {Sighting} row */
export function tagsOf(row) {
  return [row.outer_vlan, row.vlan].filter((tag) => tag !== null).join(' / ') || '–';
}

/** @param {Sighting} row */
export function ttlOf(row) {
  return row.ttl_min === row.ttl_max ? String(row.ttl_max) : `${row.ttl_min}–${row.ttl_max}`;
}

/** @param {Sighting} row @returns {string} "" outside tunnels */
export function tunnelOf({ tunnel }) {
  if (tunnel === null) return '';
  const ends = tunnel.source && tunnel.destination ? `, ${tunnel.source} → ${tunnel.destination}` : '';
  return visibleText(`in ${tunnel.kind}${tunnel.vni === null ? '' : ` ${tunnel.vni}`}${ends}`);
}

/** @param {Sighting} row @returns {string} "12", "24 (×2)" where most packets stand there twice */
export function framesOf(row) {
  return `${count(row.frames)}${row.copies > 1 ? ` (×${row.copies})` : ''}`;
}

/** @param {Placement|null} placement null for a group @returns {string} */
export function placedBy(placement) {
  if (placement === null) return 'A group is on no host.';
  if (placement.host === null) return 'Nobody says where it is.';
  const host = visibleText(placement.host);
  if (placement.rows.some((row) => row.format === 'by-hand') && placement.how === 'inventory') return `On ${host}, placed by hand on the page.`;
  if (placement.how === 'inventory') return `On ${host} according to the inventory${placement.matched_by === 'address' ? ', matched by address only' : ''}.`;
  if (placement.how === 'move') return `On ${host} since it moved there.`;
  return `On ${host} according to its port ${visibleText(placement.point ?? '')}.`;
}

/** What an inventory row says, without its source and age. @param {PlacementRow} row */
export function rowText(row) {
  const facts = [row.vm, row.host ?? 'no host', row.vswitch, row.network, row.vlan === null ? null : `VLAN ${row.vlan}`, row.interface, row.mac];
  return visibleText(facts.filter((fact) => fact !== null && fact !== '').join(', '));
}

/** @param {PlacementRow} row @returns {string} "2 h before the capture's first packet by the file's time" */
export function ageText(row) {
  return `${row.age}${row.observed_how === 'file time' ? " by the file's time" : ''}`;
}
