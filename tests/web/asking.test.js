import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAsking } from '../../web/js/asking.js';

const turn = () => new Promise((resolve) => { setImmediate(resolve); });

/** A server whose answers the test gives. */
function desk() {
  const asked = [];
  const told = [];
  const asking = createAsking((what, signal) => new Promise((resolve, reject) => asked.push({ what, signal, resolve, reject })), (error) => told.push(error));
  return { asked, told, asking };
}

test('while an answer is on its way newer versions wait, and only the newest is asked for then', async () => {
  const { asked, told, asking } = desk();
  assert.deepEqual(asking.of('pair', 1, 'first'), { answer: null, error: null });
  for (const version of [2, 3, 4]) asking.of('pair', version, `version ${version}`);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].signal.aborted, false);
  asked[0].resolve('one');
  await turn();
  assert.deepEqual(told, [null]);
  assert.deepEqual(asked.map(({ what }) => what), ['first', 'version 4']);
  assert.deepEqual(asking.of('pair', 4, 'version 4'), { answer: 'one', error: null }, 'the last answer is shown meanwhile');
  asked[1].resolve('four');
  await turn();
  assert.deepEqual(asking.of('pair', 4, 'version 4'), { answer: 'four', error: null });
  assert.equal(asked.length, 2);
});

test('another subject knows nothing of the one before, whose request ends', async () => {
  const { asked, told, asking } = desk();
  asking.of('one', 1, 'one');
  asked[0].resolve('of one');
  await turn();
  asking.of('one', 2, 'one again');
  assert.deepEqual(asking.of('two', 2, 'two'), { answer: null, error: null });
  assert.equal(asked[1].signal.aborted, true);
  asked[1].resolve('late');
  await turn();
  assert.deepEqual(asking.of('two', 2, 'two'), { answer: null, error: null });
  assert.equal(told.length, 1, 'the late answer is no news');
});

test('a refusal is told once and not asked for again until there is a newer version', async () => {
  const { asked, told, asking } = desk();
  asking.of('pair', 1, 'a');
  asked[0].reject(new Error('refused'));
  await turn();
  assert.equal(told[0].message, 'refused');
  assert.equal(asking.of('pair', 1, 'a').error.message, 'refused');
  assert.equal(asked.length, 1);
  asking.of('pair', 2, 'b');
  asked[1].resolve('fine');
  await turn();
  assert.deepEqual(asking.of('pair', 2, 'b'), { answer: 'fine', error: null });
});
