import assert from 'node:assert/strict';
import { test } from 'node:test';
import { droppedText, interfaceText, leftText, limitsOf, liveSentence, lossSentences } from '../../web/js/model/live.js';

const LIVE = {
  interface: 'vnet0', filter: null, seconds: 300, bytes: 1e9, packets: 1e6, elapsed_s: 30, captured_bytes: 1e6,
  dropped_packets: null, dropped_by_interface: {}, missed_by_interface: {}, behind_bytes: 0, held_up_s: 0, kept_packets: null, problem: null,
  ended_by: null, end: null,
};
const map = (live = {}, packets = 10, stage = 'capturing', state = 'live') =>
  ({ state, live: { ...LIVE, ...live }, progress: { stage, packets, share: null } });
const plain = (text) => text.replace(/[\u00a0\u2009\u202f]/g, ' ');

test('limits are sent in seconds and bytes, and empty ones not at all', () => {
  const typed = { seconds: '2', bytes: '1.5', packets: '' };
  assert.deepEqual(limitsOf((key) => typed[key]), { seconds: 120, bytes: 1_500_000 });
  assert.deepEqual(limitsOf(() => '-3'), {});
});

test('what is left is told of the limit that comes first', () => {
  assert.equal(plain(leftText(map())), '4 min 30 s left');
  assert.equal(plain(leftText(map({ captured_bytes: 9e8 }))), '100 MB left');
  assert.equal(plain(leftText(map({}, 999_999))), '1 packet left');
  assert.equal(plain(leftText(map({ elapsed_s: 301 }))), '0 ms left');
});

test('nothing is left of what has ended', () => {
  assert.equal(leftText(map({}, 10, 'names')), 'looking up names');
  assert.equal(leftText(map({}, 10, 'capturing', 'done')), '');
  assert.equal(leftText({ state: 'live', live: null, progress: null }), '');
});

test('several interfaces are named as far as there is room, as text', () => {
  assert.equal(interfaceText({ ...LIVE, interface: 'vnet0, vnet1, vnet2, eno1' }), 'vnet0, vnet1 + 2 more');
  assert.equal(interfaceText({ ...LIVE, interface: 'a\u202eb' }), 'a⟨202E⟩b');
});

test('dropped packets are said with their interfaces, while capturing and afterwards', () => {
  const drops = { dropped_packets: 1234, dropped_by_interface: { vnet0: 1200, vnet1: 34, eno1: 0 } };
  const said = '1 234 packets were dropped while capturing (vnet0 1 200, vnet1 34): what this map does not show may have happened all the same.';
  assert.deepEqual(lossSentences(map(drops)).map(plain), [said]);
  assert.deepEqual(lossSentences(map(drops, 10, 'capturing', 'done')).map(plain), [said]);
  assert.match(plain(lossSentences(map({ dropped_packets: 1, dropped_by_interface: { vnet0: 1 } }))[0]), /^1 packet was dropped while capturing: /);
});

test('no drops, and drops that nobody has told, are no loss', () => {
  assert.deepEqual(lossSentences(map({ dropped_packets: 0, dropped_by_interface: { vnet0: 0 } })), []);
  assert.deepEqual(lossSentences(map()), []);
  assert.deepEqual(lossSentences({ state: 'done', live: null, progress: null }), []);
  assert.deepEqual([droppedText(map().live, true), droppedText(map().live, false)], ['drops told at the end', 'drops unknown']);
  assert.equal(droppedText(map({ dropped_packets: 0 }).live, true), '0 dropped');
});

test('a capture that runs ahead warns before it drops, as long as it runs', () => {
  assert.match(plain(lossSentences(map({ behind_bytes: 80e6 }))[0]), /80\.0 MB are waiting/);
  assert.deepEqual(lossSentences(map({ behind_bytes: 80e6 }, 10, 'capturing', 'done')), []);
});

test('while it captures it is said that drops are known at the end only, and then why it ended', () => {
  assert.equal(liveSentence(map()), 'Live capture: how many packets are dropped is known at its end only.');
  assert.equal(liveSentence(map({ dropped_packets: 0 })), '');
  const ended = { ended_by: 'seconds', end: 'Stopped after 300 s, the limit set for this capture.' };
  for (const state of ['live', 'done', 'partial']) {
    assert.equal(liveSentence(map(ended, 10, 'names', state)), 'Live capture: stopped after 300 s, the limit set for this capture.');
  }
  assert.equal(liveSentence(map({ ended_by: 'interface', end: 'The interface a\u202eb went away or down.' }, 10, '', 'partial')), 'Live capture: the interface a⟨202E⟩b went away or down.');
});

test('of a map of captures, and of a live one of an older version, nothing is said', () => {
  assert.equal(liveSentence({ state: 'done', live: null, progress: null }), '');
  assert.equal(liveSentence(map({}, 10, '', 'done')), '');
});

test('what an interface has missed by its own counters is said until the drops are told', () => {
  const missed = { missed_by_interface: { eno1: 1200, eno2: 0, any: null }, dropped_by_interface: { eno1: null } };
  assert.deepEqual(lossSentences(map(missed)).map(plain), ['By its own counters, eno1 has missed 1 200 frames since the start; what was dropped behind it is told at the end.']);
  assert.match(lossSentences(map(missed, 10, '', 'partial'))[0], /what was dropped behind it nobody has told\.$/);
  assert.equal(lossSentences(map({ ...missed, dropped_packets: 1300, dropped_by_interface: { eno1: 1300 } })).length, 1);
});

test('a queue that was full is said until the drops are told, though it has caught up', () => {
  assert.deepEqual(lossSentences(map({ held_up_s: 3.2 })).map(plain), ['For 3.20 s nothing more could be read because too much was waiting: what dumpcap could not hold meanwhile is lost, how much is told at the end.']);
  assert.deepEqual(lossSentences(map({ held_up_s: 3.2, dropped_packets: 0 })), []);
});

test('why packets are not kept is shown as text', () => {
  assert.deepEqual(lossSentences(map({ problem: 'The disk\u0007 is full.' })), ['The disk⟨0007⟩ is full.']);
});
