import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOfFile, mapName, sameContent, sortFiles } from '../../web/js/model/intake.js';
import { readPoints } from '../../web/js/model/points-file.js';

test('files are told apart by their names', () => {
  const kinds = {
    'a.pcap': 'capture', 'B.PCAPNG': 'capture', 'trace.cap.gz': 'capture', 'ring.pcap3': 'capture', 'vms.csv': 'inventory', 'dump.xml': 'inventory',
    'vms.yaml': 'inventory', 'notes.txt': 'inventory', 'flowmap-points.yaml': 'points', 'sample-points.yml': 'points', 'points.json': 'points',
    'points.csv': 'inventory', 'firmware.bin': 'unknown',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(kinds).map((name) => [name, kindOfFile(name)])), kinds);
});

test('what is unknown goes to the reader of captures, which says what is wrong with it', () => {
  const sorted = sortFiles(['x.bin', 'a.pcap', 'i.csv', 'points.yaml'].map((name) => ({ name })));
  assert.deepEqual(sorted.captures.map((file) => file.name), ['x.bin', 'a.pcap']);
  assert.deepEqual(sorted.inventory.map((file) => file.name), ['i.csv']);
  assert.deepEqual(sorted.points.map((file) => file.name), ['points.yaml']);
});

test('a map is named after its captures', () => {
  assert.equal(mapName(['a.pcap']), 'a.pcap');
  assert.equal(mapName(['a.pcap', 'b.pcap', 'c.pcap']), 'a.pcap and 2 more');
});

test('a points file that cannot be read names itself and the line', () => {
  assert.deepEqual(readPoints('points.json', '{"points": []}'), { points: [] });
  assert.throws(() => readPoints('points.json', '{'), /^PointsFileError: points\.json is not valid JSON/);
  assert.throws(() => readPoints('points.yaml', 'hosts:\n  a: &x 1\n'), /^PointsFileError: points\.yaml cannot be read: line 2 begins a value with "&"/);
});

test('an export of RVTools and a Proxmox file are inventories; a name that only ends in points is no points file', () => {
  assert.deepEqual(['RVTools.xlsx', '100.conf', 'endpoints.json', 'mountpoints.yaml', 'lab-points.yaml', 'points.json'].map(kindOfFile),
    ['inventory', 'inventory', 'inventory', 'inventory', 'points', 'points']);
});

test('a capture that the map has under another name is told, one of another map is not', () => {
  const same = [{ map: 'm2', name: 'x.pcap' }, { map: 'm1', name: 'a.pcap' }];
  assert.match(sameContent('m1', 'b.pcap', same), /^b\.pcap holds the same bytes as a\.pcap, which this map has already/);
  assert.equal(sameContent('m3', 'b.pcap', same), '');
  assert.equal(sameContent('m1', 'b.pcap', []), '');
});
