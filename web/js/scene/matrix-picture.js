// What the matrix shows, before anybody draws it: axis, cells, words at blocks and lines, marks of the selection. Pure.

import { bytes, percent, visibleText } from '../format.js';
import { OUTSIDE, ROUTERS, UNPLACED, isDrawn, placeOf } from '../model/graph-model.js';
import { splitOf } from '../model/headline.js';
import { cellsOf, largestSum } from '../layout/matrix-cells.js';
import { layAxis, lineOf } from '../layout/matrix.js';
import { memoized } from '../store.js';
import { placeName } from './house-items.js';

/** @typedef {import('../layout/matrix.js').Axis} Axis */
/** @typedef {import('../layout/matrix.js').Block} Block */
/** @typedef {import('../layout/matrix-cells.js').Cells} Cells */
/** @typedef {import('../layout/slots.js').Slots} Slots */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Shown} Shown */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @typedef {object} BlockWords
 * @property {string} title
 * @property {string} short for where the title finds no room
 * @property {string} share the number: "78 %"
 * @property {string} word what it is a share of: "stayed"
 * @property {string} fill token of the number
 * @property {string} total bytes
 * @property {Split} split
 */
/**
 * @typedef {object} Marks in units of the matrix
 * @property {{start: number, size: number}[]} bands rows and columns
 * @property {Rect[]} frames
 */
/**
 * @typedef {object} Picture
 * @property {Axis} axis
 * @property {Cells} cells
 * @property {string[]} names of the lines, safe to look at; those of whole places are empty
 * @property {BlockWords[]} words of the blocks
 * @property {Marks} marks
 */

const axisOf = memoized(layAxis);
const cellsFor = memoized((/** @type {Axis} */ axis, /** @type {Shown} */ shown, /** @type {number} */ most) => cellsOf(axis, shown.drawn, most));
const mostOf = memoized(largestSum);
const wordsFor = memoized((/** @type {Axis} */ axis, /** @type {GraphModel} */ model) => wordsOf(axis, model.pairs.filter(isDrawn)));
const namesFor = memoized((/** @type {Axis} */ axis, /** @type {GraphModel} */ model) =>
  axis.lines.map(({ id }) => (id === null ? '' : visibleText(model.nodes.get(id)?.label ?? ''))));

/**
 * @param {GraphModel} whole result of the whole capture: full strength rests on it
 * @param {GraphModel} model
 * @param {Shown} shown
 * @param {Slots} slots
 * @param {ReadonlySet<string>} folded
 * @param {Selection|null} selection
 * @returns {Picture}
 */
export function matrixPicture(whole, model, shown, slots, folded, selection) {
  const axis = axisOf(slots, model, folded);
  return { axis, cells: cellsFor(axis, shown, mostOf(whole)), names: namesFor(axis, model), words: wordsFor(axis, model), marks: marksOf(axis, model, selection) };
}

/** @param {string} place */
export function blockTitle(place) {
  return place === OUTSIDE ? 'Outside' : place === ROUTERS ? 'Routers' : placeName(place);
}

/** All traffic of each place that can be drawn, whoever the other end is and whatever a filter hides: what the map's cards say. @param {Axis} axis @param {Pair[]} drawn @returns {BlockWords[]} */
function wordsOf(axis, drawn) {
  /** @type {Map<string, Pair[]>} */
  const ofPlace = new Map(axis.blocks.map(({ place }) => [place, []]));
  for (const pair of drawn) {
    ofPlace.get(pair.placeA)?.push(pair);
    if (pair.placeB !== pair.placeA) ofPlace.get(pair.placeB)?.push(pair);
  }
  return axis.blocks.map(({ place, gate }) => {
    const split = splitOf(ofPlace.get(place) ?? []);
    const unknown = place === UNPLACED;
    const silent = split.total === 0;
    return {
      title: blockTitle(place), short: unknown ? 'Host ?' : blockTitle(place), split,
      share: silent ? '' : unknown ? `? ${percent(split.undetermined, split.total)}` : gate ? bytes(split.total) : percent(split.stayed, split.total),
      word: silent ? 'no traffic' : unknown ? 'undetermined' : gate ? '' : 'stayed',
      fill: unknown || gate ? 'ink2' : 'stay',
      total: silent ? '' : bytes(split.total),
    };
  });
}

/** @param {Axis} axis @param {GraphModel} model @param {Selection|null} selection @returns {Marks} */
function marksOf(axis, model, selection) {
  /** @type {Marks} */
  const marks = { bands: [], frames: [] };
  if (selection?.type === 'node') markLine(axis, model, selection.id, marks);
  else if (selection?.type === 'pair') {
    const [one, other] = [markLine(axis, model, selection.a, marks), markLine(axis, model, selection.b, marks)];
    if (one && other) addFrames(marks, one, other);
  } else if (selection?.type === 'place') {
    const block = axis.blockOf.get(selection.place);
    if (block) marks.bands.push(block);
  } else if (selection?.type === 'trunk') {
    const [from, to] = [axis.blockOf.get(selection.from), axis.blockOf.get(selection.to)];
    if (from && to) addFrames(marks, from, to);
  }
  return marks;
}

/** @param {Axis} axis @param {GraphModel} model @param {string} id @param {Marks} marks @returns {import('../layout/matrix.js').Line|undefined} */
function markLine(axis, model, id, marks) {
  const node = model.nodes.get(id);
  const line = node && axis.lines[lineOf(axis, id, placeOf(node))];
  if (line && !marks.bands.includes(line)) marks.bands.push(line);
  return line;
}

/** Both triangles. @param {Marks} marks @param {{start: number, size: number}} one @param {{start: number, size: number}} other */
function addFrames(marks, one, other) {
  marks.frames.push({ x: other.start, y: one.start, w: other.size, h: one.size });
  if (one !== other) marks.frames.push({ x: one.start, y: other.start, w: one.size, h: other.size });
}
