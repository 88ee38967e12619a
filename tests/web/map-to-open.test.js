import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapToOpen } from '../../web/js/model/map-to-open.js';

const maps = [{ id: 'new', revision: 0 }, { id: 'b', revision: 3 }, { id: 'a', revision: 9 }];
const opened = (/** @type {any[]} */ list, /** @type {string|null} */ wanted) => mapToOpen(list, wanted)?.id ?? null;

test('the map of the address is opened, even without a result', () => {
  assert.equal(opened(maps, 'a'), 'a');
  assert.equal(opened(maps, 'new'), 'new');
});

test('without one, or when it is gone, the newest with a result', () => {
  assert.equal(opened(maps, null), 'b');
  assert.equal(opened(maps, 'gone'), 'b');
});

test('while none has a result, the newest; without maps none', () => {
  assert.equal(opened(maps.slice(0, 1), null), 'new');
  assert.equal(opened([], 'a'), null);
});
