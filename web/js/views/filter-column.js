// The left column: the legend that filters, segments, services, the least bytes, and what the map does not draw.

import { shownOf } from '../app-state.js';
import { bytes, percent, plural, visibleText } from '../format.js';
import { NO_FILTERS, NO_GRADE, isFiltering, isolate, isolateLane, laneSums, rowSums, showGrade, showHost, showLane, showNode, showSegment, showService } from '../model/filters.js';
import { NOWHERE, UNPLACED } from '../model/graph-model.js';
import { placeName } from '../scene/house-items.js';
import { GRADE_ORDER, LANES, gradeMeaning } from '../verdicts.js';
import { el, fill, icon } from './element.js';
import { createSteady, keepingPlace } from './steady.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../model/filters.js').Filters} Filters */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('../url-state.js').Selection} Selection */

const SERVICES_SHOWN = 8;
const SEGMENTS_SHOWN = 14;
const HOSTS_SHOWN = 8;
const MORE_ROWS = 60;
const RANGE_STEPS = 100;

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {{setFilters: (filters: Filters, typing?: boolean) => void, undo: () => void, select: (selection: Selection|null) => void}} actions
 */
export function mountFilterColumn(element, store, actions) {
  const most = { services: SERVICES_SHOWN, hosts: HOSTS_SHOWN };
  const steady = createSteady(element);
  const top = el('div');
  const least = leastBytes();
  const bottom = el('div');
  const note = el('div', { class: 'filter-column__active' });
  element.append(top, least.section, bottom, note);

  function render() {
    keepingPlace(element, () => build(store.get()));
  }

  /** @param {AppState} state */
  function build(state) {
    const { model, filters, selection } = state;
    least.section.hidden = !model;
    if (!model) {
      fill(top);
      fill(bottom);
      note.hidden = true;
      return;
    }
    fill(top, endpoints(model, filters), legend(model, filters), segments(model, filters), services(model, filters), hosts(model, filters), grades(model, filters));
    least.render(model, filters);
    fill(bottom, groups(model, selection));
    renderNote(state, model);
  }

  /** What the filters hide, always said. @param {AppState} state @param {GraphModel} model */
  function renderNote(state, model) {
    const { filters } = state;
    note.hidden = !isFiltering(filters);
    fill(note);
    if (note.hidden) return;
    const shown = shownOf(model, filters);
    const hidden = `${bytes(shown.hiddenBytes)} (${percent(shown.hiddenBytes, model.facts.totals.unique_bytes)})`;
    fill(note, el('p', { class: 'num' }, `Shown: ${shown.pairs.length} of ${plural(model.pairs.length, 'pair')}. Hidden by filters: ${hidden}. The headline keeps ${model.facts.range ? 'all of this time' : 'the whole capture'}.`),
      el('button', { type: 'button', class: 'button button--small', id: 'clear-filters', onclick: () => actions.setFilters(NO_FILTERS) }, 'Clear filters'),
      state.past.length > 0 && el('button', { type: 'button', class: 'button button--small', 'data-key': 'undo', onclick: actions.undo }, 'Undo'));
  }

  /** @param {GraphModel} model @param {Filters} filters */
  function legend(model, filters) {
    const sums = laneSums(model, filters);
    const rows = /** @type {Lane[]} */ (['stayed', 'left', 'hairpin', 'mixed', 'undetermined']).map((lane) => {
      const own = sums[lane];
      const whole = lane === 'left' ? { pairs: own.pairs + sums.hairpin.pairs, wire_bytes: own.wire_bytes + sums.hairpin.wire_bytes } : own;
      const hidden = filters.hiddenLanes.includes(lane);
      const partly = lane === 'left' && hidden && !filters.hiddenLanes.includes('hairpin');
      const numbers = `${bytes(whole.wire_bytes)} · ${plural(whole.pairs, 'pair')}`;
      const note = lane === 'hairpin' ? [el('span', {}, 'same host, out and back'), el('br'), numbers] : lane === 'mixed' && own.pairs ? `${numbers}, split` : numbers;
      const sub = lane === 'hairpin';
      return el('label', { class: `legend__row${sub ? ' legend__row--sub' : ''}${hidden && !partly ? ' is-off' : ''}`, 'data-lane': lane },
        icon(lane, sub ? 30 : 36, 30), el('b', {}, LANES[lane].label),
        checkbox(`lane:${lane}`, !hidden, partly, (shown) => actions.setFilters(showLane(store.get().filters, lane, shown))),
        el('small', { class: 'num' }, note),
        el('button', { type: 'button', class: 'legend__only', 'data-key': `only:${lane}`, 'aria-label': `Show only ${LANES[lane].label}`, onclick: (/** @type {Event} */ event) => {
          event.preventDefault();
          actions.setFilters(isolateLane(store.get().filters, lane));
        } }, 'only'));
    });
    return section('Verdict · click to filter', rows);
  }

  /** @param {GraphModel} model @param {Filters} filters */
  function segments(model, filters) {
    if (model.segments.length === 0) return null;
    const shown = model.segments.slice(0, SEGMENTS_SHOWN);
    return section('Segment', [
      ...shown.map(({ key, label, vms }) => checkRow(`seg:${key}`, visibleText(label), plural(vms, 'VM'), !filters.hiddenSegments.includes(key),
        (on) => actions.setFilters(showSegment(store.get().filters, key, on)))),
      model.segments.length > shown.length && el('p', { class: 'filter-column__more' }, `+ ${model.segments.length - shown.length} others, by search`),
    ]);
  }

  /** @param {GraphModel} model @param {Filters} filters */
  function services(model, filters) {
    if (model.services.length === 0) return null;
    const shown = model.services.slice(0, most.services);
    const rest = model.services.slice(shown.length);
    return section('Service', [
      ...shown.map(({ key, label, wire_bytes }) => checkRow(`svc:${key}`, label, bytes(wire_bytes), !filters.hiddenServices.includes(key),
        (on) => actions.setFilters(showService(store.get().filters, key, on)))),
      rest.length > 0 && el('p', { class: 'filter-column__more num' },
        moreButton('services', rest.length),
        el('span', {}, bytes(rest.reduce((sum, row) => sum + row.wire_bytes, 0)))),
    ]);
  }

  /** @param {GraphModel} model @param {Filters} filters */
  function hosts(model, filters) {
    const places = [...model.hosts, ...(model.places.has(UNPLACED) ? [UNPLACED] : [])];
    if (places.length < 2) return null;
    const sums = rowSums(model, filters, 'hiddenHosts', (pair) => [pair.placeA, pair.placeB]);
    const shown = places.slice(0, most.hosts);
    return section('Host', [
      ...shown.map((place) => checkRow(`host:${place}`, placeName(place), bytes(sums.get(place) ?? 0), !filters.hiddenHosts.includes(place),
        (on) => actions.setFilters(showHost(store.get().filters, place, on)))),
      places.length > shown.length && el('p', { class: 'filter-column__more' }, moreButton('hosts', places.length - shown.length)),
    ]);
  }

  /** Opens the next part of a list; when nothing is left the keyboard is on the first row that came. @param {'services'|'hosts'} list @param {number} rest */
  function moreButton(list, rest) {
    return el('button', { type: 'button', class: 'link-button', 'data-key': `more:${list}`, onclick: () => {
      most[list] += MORE_ROWS;
      render();
    } }, `+ ${plural(rest, 'other')}`);
  }

  /** @param {GraphModel} model @param {Filters} filters */
  function grades(model, filters) {
    const sums = rowSums(model, filters, 'hiddenGrades', (pair) => [pair.edge.grade ?? NO_GRADE]);
    const present = [...GRADE_ORDER, NO_GRADE].filter((grade) => sums.has(grade) || filters.hiddenGrades.includes(grade));
    if (present.length < 2) return null;
    return section('Grade of the evidence', present.map((grade) => {
      const row = checkRow(`grade:${grade}`, grade === NO_GRADE ? 'no evidence' : grade, bytes(sums.get(grade) ?? 0), !filters.hiddenGrades.includes(grade),
        (on) => actions.setFilters(showGrade(store.get().filters, grade, on)));
      row.title = gradeMeaning(grade === NO_GRADE ? null : grade);
      return row;
    }));
  }

  /** Endpoints that were hidden or isolated with one click: here they come back. @param {GraphModel} model @param {Filters} filters */
  function endpoints(model, filters) {
    const name = (/** @type {string} */ id) => visibleText(model.nodes.get(id)?.label ?? id);
    const chip = (/** @type {string} */ key, /** @type {string} */ text, /** @type {() => void} */ back) =>
      el('li', {}, el('span', { class: 'hostile' }, text), el('button', { type: 'button', class: 'button button--small', 'data-key': key, 'aria-label': `Show all again: ${text}`, onclick: back }, '✕'));
    const rows = [
      ...(filters.isolated.length ? [chip('isolated', `only ${filters.isolated.map(name).join(' and ')}`, () => actions.setFilters(isolate(store.get().filters, [])))] : []),
      ...filters.hiddenNodes.map((id) => chip(`no:${id}`, `without ${name(id)}`, () => actions.setFilters(showNode(store.get().filters, id, true)))),
    ];
    return rows.length ? section('Endpoints', [el('ul', { class: 'filter-column__chips' }, rows)]) : null;
  }

  /** Made once: a slider that is built anew while it is dragged would be lost. */
  function leastBytes() {
    const range = el('input', { type: 'range', class: 'filter-column__range', min: 0, max: RANGE_STEPS - 1, 'aria-label': 'Hide pairs below' });
    const numbers = el('p', { class: 'filter-column__split num' });
    let largest = 10;
    range.addEventListener('input', () => {
      const step = Number(range.value);
      actions.setFilters({ ...store.get().filters, minBytes: step === 0 ? 0 : Math.round(largest ** (step / RANGE_STEPS)) }, true);
    });
    return {
      section: section('Hide pairs below', [range, numbers]),
      /** @param {GraphModel} model @param {Filters} filters */
      render(model, filters) {
        largest = Math.max(10, model.pairs[0]?.edge.wire_bytes ?? 10);
        const hidden = model.pairs.filter((pair) => pair.edge.wire_bytes < filters.minBytes).length;
        if (document.activeElement !== range) range.value = String(filters.minBytes <= 1 ? 0 : Math.round((RANGE_STEPS * Math.log(filters.minBytes)) / Math.log(largest)));
        range.setAttribute('aria-valuetext', bytes(filters.minBytes));
        fill(numbers, el('span', {}, bytes(filters.minBytes)), el('span', {}, `${hidden} of ${plural(model.pairs.length, 'pair')} hidden`));
      },
    };
  }

  /** @param {GraphModel} model @param {Selection|null} selection */
  function groups(model, selection) {
    const nodes = model.places.get(NOWHERE) ?? [];
    if (nodes.length === 0) return null;
    const total = nodes.reduce((sum, node) => sum + node.wire_bytes, 0);
    const pressed = selection?.type === 'place' && selection.place === NOWHERE;
    return section('Not drawn', [
      el('p', { class: 'filter-column__note' }, `Multicast, broadcast and folded rows are no VMs: ${plural(nodes.length, 'group')}, ${bytes(total)}.`),
      el('button', { type: 'button', class: 'link-button', 'data-key': 'groups', 'aria-pressed': String(pressed), onclick: () => actions.select(pressed ? null : { type: 'place', place: NOWHERE }) }, 'List them'),
    ]);
  }

  render();
  return store.subscribe((state, before) => {
    const asked = state.filters !== before.filters || state.selection !== before.selection;
    if (asked || state.model !== before.model) steady.render(render, asked);
  });
}

/** @param {string} title @param {(Node|false)[]} rows */
function section(title, rows) {
  return el('section', {}, el('h3', {}, title), rows);
}

/** @param {string} key @param {boolean} checked @param {boolean} partly @param {(checked: boolean) => void} onChange */
function checkbox(key, checked, partly, onChange) {
  const input = el('input', { type: 'checkbox', 'data-key': key });
  input.checked = checked;
  input.indeterminate = partly;
  input.addEventListener('change', () => onChange(input.checked));
  return input;
}

/** @param {string} key @param {string} label @param {string} number @param {boolean} checked @param {(checked: boolean) => void} onChange */
function checkRow(key, label, number, checked, onChange) {
  return el('label', { class: 'check' }, checkbox(key, checked, false, onChange), el('span', {}, label), el('span', { class: 'num' }, number));
}
