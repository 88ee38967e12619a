import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStore, memoized } from '../../web/js/store.js';

test('listeners hear of changes, with what was before, and of nothing else', () => {
  const store = createStore({ view: 'map', map: null });
  const heard = [];
  const end = store.subscribe((state, before) => heard.push([before.view, state.view]));
  store.set({ view: 'table' });
  store.set({ view: 'table' });
  end();
  store.set({ view: 'map' });
  assert.deepEqual(heard, [['map', 'table']]);
  assert.equal(store.get().view, 'map');
});

test('a listener may end itself while it is called', () => {
  const store = createStore({ count: 0 });
  const heard = [];
  const end = store.subscribe(() => { heard.push('first'); end(); });
  store.subscribe(() => heard.push('second'));
  store.set({ count: 1 });
  store.set({ count: 2 });
  assert.deepEqual(heard, ['first', 'second', 'second']);
});

test('a result is kept as long as its arguments are the same objects', () => {
  let calls = 0;
  const sum = memoized((list) => { calls += 1; return list.length; });
  const list = [1, 2];
  assert.deepEqual([sum(list), sum(list), sum([1])], [2, 2, 1]);
  assert.equal(calls, 2);
});
