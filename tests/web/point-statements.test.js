import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namingOf, withPoint, withUplinks } from '../../web/js/model/point-statements.js';

const point = (file, name, number, more = {}) => ({ file, interface: name, interface_id: number, ifindex: null, session: '', ...more });
const plain = point('span.pcap', '', 0);
const [first, second] = [point('merged.pcapng', 'mirB', 0), point('merged.pcapng', 'mirB', 1)];
const session = point('span.pcap', '', 0, { session: 'erspan:10.0.0.5/77' });
const cooked = point('any.pcap', '', 0, { ifindex: 7 });
const all = [plain, first, second, session, cooked];
const empty = { hosts: {}, points: [] };

test('a point is named by file and interface, and by a number only where a name means two', () => {
  assert.deepEqual(namingOf(plain, all), { file: 'span.pcap', interface: '' });
  assert.deepEqual(namingOf(second, all), { file: 'merged.pcapng', interface: 'mirB', interface_id: 1 });
  assert.deepEqual(namingOf(session, all), { file: 'span.pcap', interface: '', session: 'erspan:10.0.0.5/77' });
  assert.deepEqual(namingOf(cooked, all), { file: 'any.pcap', interface: '', ifindex: 7 });
});

test('an answer replaces the last one about this point and stands behind rows about more', () => {
  const before = { hosts: {}, points: [{ file: 'merged.pcapng', interface: 'mirB', interface_id: 1, role: 'uplink', sampled: 10 }, { file: 'merged.pcapng', role: 'mirror' }] };
  assert.deepEqual(withPoint(before, second, all, { role: 'mirror', host: ' host-b ' }).points, [
    { file: 'merged.pcapng', role: 'mirror' },
    { file: 'merged.pcapng', interface: 'mirB', interface_id: 1, sampled: 10, role: 'mirror', host: 'host-b' },
  ]);
  assert.equal(before.points.length, 2);
});

test('an empty answer takes back what was said, but not the sampling', () => {
  const said = withPoint(empty, plain, all, { role: 'mirror', host: 'h' });
  assert.deepEqual(withPoint(said, plain, all, { role: '', host: ' ' }), empty);
  const sampled = { hosts: {}, points: [{ file: 'span.pcap', interface: '', role: 'mirror', sampled: 2 }] };
  assert.deepEqual(withPoint(sampled, plain, all, { role: '', host: '' }).points, [{ file: 'span.pcap', interface: '', sampled: 2 }]);
});

test('a session in a file is not the file itself', () => {
  const said = withPoint(withPoint(empty, plain, all, { role: 'uplink', host: '' }), session, all, { role: 'mirror', host: '' });
  assert.deepEqual(said.points.map((row) => [row.session, row.role]), [[undefined, 'uplink'], ['erspan:10.0.0.5/77', 'mirror']]);
});

test('uplinks of a host are stated, corrected and taken back', () => {
  const said = withUplinks(empty, 'esx-01', { uplinks: 'vmnic0, vmnic1 ,, vmnic0', complete: true });
  assert.deepEqual(said.hosts, { 'esx-01': { uplinks: ['vmnic0', 'vmnic1'], uplinks_complete: true } });
  assert.deepEqual(withUplinks(said, 'esx-01', { uplinks: ' ', complete: false }).hosts, {});
  assert.deepEqual(Object.keys(withUplinks(empty, '__proto__', { uplinks: 'a', complete: false }).hosts), ['__proto__']);
});

test('a row about what a remote mirror copied into a point is not about the point', () => {
  const mirrored = { file: 'span.pcap', interface: '', vlan: 300, host: 'esx-9' };
  const document = { hosts: {}, points: [mirrored] };
  const stated = withPoint(document, plain, all, { role: 'uplink', host: 'esx-1' });
  assert.deepEqual(stated.points, [mirrored, { file: 'span.pcap', interface: '', role: 'uplink', host: 'esx-1' }]);
  assert.deepEqual(withPoint(stated, plain, all, { role: '', host: '' }).points, [mirrored]);
});
