import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handAnswer, readHandDocument, withHand, withoutHand } from '../../web/js/model/placed-by-hand.js';

const empty = readHandDocument('');
const web = { id: 'a', label: 'web', macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'], ips: ['10.0.0.1'] };
const far = { id: 'b', label: '10.9.0.1', macs: [], ips: ['10.9.0.1', '10.9.0.2'] };

test('a machine is stated by each of its MACs, or by its addresses where it shows none', () => {
  const said = withHand(withHand(empty, web, [web, far], { host: ' h ', kind: 'vm' }), far, [web, far], { host: '', kind: 'router' });
  assert.deepEqual(said, { placed_by_hand: true, vms: [
    { vm: 'web', host: 'h', kind: 'vm', mac: '52:54:00:00:00:01' }, { vm: 'web', host: 'h', kind: 'vm', mac: '52:54:00:00:00:02' },
    { vm: '10.9.0.1', kind: 'router', ip: ['10.9.0.1', '10.9.0.2'] },
  ] });
  assert.deepEqual(handAnswer(said, web), { host: 'h', kind: 'vm' });
  assert.deepEqual(handAnswer(said, far), { host: '', kind: 'router' });
});

test('the last answer counts, and taking it back leaves the others', () => {
  const first = withHand(withHand(empty, far, [far], { host: 'k', kind: 'vm' }), web, [web], { host: 'h', kind: 'vm' });
  const second = withHand(first, web, [web], { host: 'm', kind: 'vm' });
  assert.deepEqual(second.vms.map((row) => row.host), ['k', 'm', 'm']);
  assert.deepEqual(withoutHand(second, web).vms.map((row) => row.host), ['k']);
  assert.equal(handAnswer(withoutHand(second, web), web), null);
  assert.deepEqual(withoutHand(empty, web), empty);
});

test('two machines of one name stay two', () => {
  const twin = { ...far, label: 'WEB' };
  assert.equal(withHand(empty, web, [web, twin], { host: 'h', kind: 'vm' }).vms[0].vm, 'web (52:54:00:00:00:01)');
});

test('what the file holds besides is left out, and what is no file is none', () => {
  assert.deepEqual(readHandDocument('{"vms": [1, null, {"vm": 7}, {"vm": "x", "kind": "vm"}]}').vms, [{ vm: 'x', kind: 'vm' }]);
  for (const text of ['not JSON', '[]', 'null', '{"vms": {}}']) assert.deepEqual(readHandDocument(text), empty);
});
