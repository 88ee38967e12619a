import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { askAhead, forgetAnswers, takeAnswer } from '../../web/js/answers-ahead.js';

const fetchOfNode = globalThis.fetch;
/** @type {string[]} */
let asked = [];
beforeEach(() => {
  asked = [];
  globalThis.fetch = async (address) => {
    asked.push(String(address));
    if (String(address).endsWith('/gone')) throw new TypeError('no network');
    return new Response('{"a": 1}', { status: 200, headers: { 'FlowMap-Revision': '7' } });
  };
});
afterEach(() => {
  globalThis.fetch = fetchOfNode;
  forgetAnswers();
});

test('an answer is asked for at once and given once', async () => {
  askAhead('/maps');
  assert.deepEqual(asked, ['/api/maps']);
  const answer = await takeAnswer('/maps');
  assert.deepEqual([answer?.ok, answer?.text, answer?.headers.get('flowmap-revision')], [true, '{"a": 1}', '7']);
  assert.equal(takeAnswer('/maps'), null);
  assert.equal(asked.length, 1);
});

test('what nobody took is forgotten', () => {
  askAhead('/maps');
  forgetAnswers();
  assert.equal(takeAnswer('/maps'), null);
});

test('a failure is told to who takes the answer, and to nobody else', async () => {
  await assert.rejects(askAhead('/gone'));
  const taken = takeAnswer('/gone');
  assert.ok(taken);
  await assert.rejects(taken, TypeError);
});
