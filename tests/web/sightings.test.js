import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageText, framesOf, macsOf, placedBy, rowText, tagsOf, ttlOf, tunnelOf } from '../../web/js/model/sightings.js';

const row = { src_mac: null, dst_mac: null, vlan: null, outer_vlan: null, tunnel: null, ttl_min: 64, ttl_max: 64, frames: 5, copies: 1 };

test('MACs, tags and TTLs of a row', () => {
  assert.equal(macsOf({ ...row, src_mac: '00:00:00:00:00:01' }), '00:00:00:00:00:01 → no MAC');
  assert.deepEqual([tagsOf(row), tagsOf({ ...row, vlan: 0 }), tagsOf({ ...row, vlan: 10, outer_vlan: 20 })], ['–', '0', '20 / 10']);
  assert.deepEqual([ttlOf(row), ttlOf({ ...row, ttl_min: 63 })], ['64', '63–64']);
});

test('frames say how often a packet stands there', () => {
  assert.equal(framesOf(row), '5');
  assert.equal(framesOf({ ...row, frames: 1234, copies: 2 }).replace(/\u2009/g, ' '), '1 234 (×2)');
});

test('a tunnel with what is known of it', () => {
  assert.equal(tunnelOf(row), '');
  assert.equal(tunnelOf({ ...row, tunnel: { kind: 'vxlan', vni: 0, source: '10.0.0.1', destination: '10.0.0.2' } }), 'in vxlan 0, 10.0.0.1 → 10.0.0.2');
  assert.equal(tunnelOf({ ...row, tunnel: { kind: 'pppoe', vni: null, source: null, destination: null } }), 'in pppoe');
});

test('who places a machine', () => {
  const placed = { host: 'host-a', how: 'inventory', point: null, matched_by: 'MAC', conflict: '', rows: [], more_rows: 0 };
  assert.equal(placedBy(null), 'A group is on no host.');
  assert.equal(placedBy({ ...placed, host: null, how: null }), 'Nobody says where it is.');
  assert.equal(placedBy(placed), 'On host-a according to the inventory.');
  assert.equal(placedBy({ ...placed, matched_by: 'address' }), 'On host-a according to the inventory, matched by address only.');
  assert.equal(placedBy({ ...placed, how: 'capture point', point: 'a.pcapng:vnet0' }), 'On host-a according to its port a.pcapng:vnet0.');
});

test('an inventory row says only what it knows, and controls show', () => {
  const known = { source: 'a.csv', row: 1, vm: 'web\u202e', host: null, vswitch: null, network: 'pg', vlan: 0, interface: '', mac: null, observed_how: 'file time', age: 'age unknown', freshness: 'unknown' };
  const text = rowText(known);
  assert.ok(!text.includes('\u202e') && text.endsWith(', no host, pg, VLAN 0'), text);
  assert.equal(ageText(known), "age unknown by the file's time");
  assert.equal(ageText({ ...known, observed_how: null }), 'age unknown');
});
