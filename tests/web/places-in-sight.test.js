import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeTitle } from '../../web/js/views/place-panel.js';
import { shiftInto } from '../../web/js/layout/measures.js';
import { OUTSIDE } from '../../web/js/model/graph-model.js';

test('what is in sight stays where it is; else it comes in with air around it', () => {
  assert.equal(shiftInto(0, 50, 500), 0);
  assert.equal(shiftInto(450, 50, 500), 0);
  assert.equal(shiftInto(-300, 50, 500), 320);
  assert.equal(shiftInto(600, 50, 500), -170);
  assert.equal(shiftInto(-10, 490, 500), 15, 'less air where there is little room');
  assert.equal(shiftInto(-90, 700, 500), 90, 'of what is larger than the window the beginning');
});

test('a host may have any name, also one that every object has', () => {
  assert.equal(placeTitle(OUTSIDE), 'Outside');
  for (const name of ['constructor', 'toString', 'valueOf']) assert.equal(placeTitle(name), name);
});
