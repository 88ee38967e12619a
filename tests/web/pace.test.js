import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesRead, paceOf, stageName, withMark } from '../../web/js/model/pace.js';

const steady = (perSecond, seconds) => Array.from({ length: seconds * 2 + 1 }, (_, i) => ({ atMs: i * 500, done: (i * perSecond) / 2 }));

test('a steady pace tells what is left', () => {
  assert.deepEqual(paceOf(steady(100, 5), 1500), { perSecond: 100, leftMs: 10_000 });
});

test('early on there is a pace but no promise', () => {
  assert.deepEqual(paceOf(steady(100, 2), 1500), { perSecond: 100, leftMs: null });
  assert.deepEqual(paceOf([{ atMs: 0, done: 7 }], 9), { perSecond: null, leftMs: null });
});

test('only the last seconds count, and a new file begins anew', () => {
  let marks = [];
  for (const mark of steady(100, 60)) marks = withMark(marks, mark);
  assert.equal(marks[0].atMs, 52_000);
  assert.deepEqual(withMark(marks, { atMs: 60_500, done: 3 }), [{ atMs: 60_500, done: 3 }]);
});

test('bytes read are those of the files before and a share of this one', () => {
  const captures = [{ name: 'a', size_bytes: 100 }, { name: 'b', size_bytes: 50 }];
  assert.deepEqual(bytesRead({ captures, progress: { stage: 'b', packets: 1, share: 0.5 } }), { done: 125, total: 150 });
  assert.equal(bytesRead({ captures, progress: { stage: 'names', packets: 1, share: 0.5 } }), null);
  assert.equal(bytesRead({ captures, progress: null }), null);
});
