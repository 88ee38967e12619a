// What the page does with the server: open a map, follow it, send files, start and stop a live capture.

import { forgetAnswers } from './answers-ahead.js';
import { ApiError, api } from './api.js';
import { isBusy } from './app-state.js';
import { createFollowing } from './following.js';
import { msOfText, visibleText } from './format.js';
import { later } from './later.js';
import { axisOf } from './model/timeline.js';
import { carried, sameRange, usedRange } from './model/brush.js';
import { applyChanges } from './model/apply-changes.js';
import { carryNodes, carrySelection } from './model/carry-selection.js';
import { NO_FILTERS } from './model/filters.js';
import { buildModel, modelWithin } from './model/graph-model.js';
import { mapToOpen } from './model/map-to-open.js';
import { isOffline } from './offline.js';

/** @typedef {import('./app-state.js').Store} Store */
/** @typedef {import('./app-state.js').AppState} AppState */
/** @typedef {import('./document-types.js').MapStatus} MapStatus */
/** @typedef {import('./model/placed-by-hand.js').HandDocument} HandDocument */

/** A live map changes this often for those who asked their system for less motion. */
const CALM_STEP_MS = 2000;

/** Errors that need no more than their sentence. */
const EXPECTED = ['ApiError', 'PointsFileError', 'MissingPart'];

/** @param {Store} store */
export function createSession(store) {
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let begin = () => {};
  /** Fulfilled when the page knows its maps. @type {Promise<void>} */
  const started = new Promise((resolve) => { begin = resolve; });
  let opened = 0; // counts maps that were asked for: only the last one is shown
  let revision = 0; // of the result that is shown
  /** The document that is shown, for the next one to begin with. @type {import('./document-types.js').GraphDocument|null} */
  let shown = null;
  let wanted = 0; // the newest that the server has told of
  /** What came with it: used when it follows what is shown. @type {import('./document-types.js').GraphChanges|null} */
  let told = null;
  /** @type {string|null} */
  let loading = null; // id of the map whose result is on its way
  let noticeId = 0;
  /** @type {AbortController|null} of the time range that is on its way: a newer one wins */
  let ranging = null;

  /** @param {string} text @param {'problem'|'info'} [tone] */
  function notify(text, tone = 'problem') {
    noticeId += 1;
    const notices = store.get().notices.filter((notice) => notice.text !== text);
    store.set({ notices: [...notices.slice(-3), { id: noticeId, text: visibleText(text), tone }] });
  }

  /** @param {number} id */
  function dismiss(id) {
    store.set({ notices: store.get().notices.filter((notice) => notice.id !== id) });
  }

  /** Shows what went wrong; a cancelled request is no news. @param {unknown} error */
  function report(error) {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    if (error instanceof ApiError && error.status === 401) {
      store.set({ phase: 'locked', lockedText: error.message });
      return;
    }
    notify(error instanceof Error ? error.message : String(error));
    if (!(error instanceof Error && EXPECTED.includes(error.name))) console.error(error);
  }

  async function refreshMaps() {
    const list = await api.listMaps();
    store.set({ maps: list.maps, limits: list });
    return list.maps;
  }

  /** @param {string|null} wanted id of a map from the address */
  async function start(wanted) {
    try {
      const maps = await refreshMaps();
      store.set({ phase: 'ready' });
      const found = mapToOpen(maps, wanted);
      if (wanted && found?.id !== wanted) notify('The map of this address is gone; this is the newest one.', 'info');
      if (found) await open(found.id, { keepView: true });
    } catch (error) {
      store.set({ phase: 'ready' });
      report(error);
    } finally {
      forgetAnswers();
      begin();
    }
  }

  /** @param {string} id @param {{keepView?: boolean, replaces?: boolean}} [options] replaces: Back does not lead to what was open */
  async function open(id, { keepView = false, replaces = keepView } = {}) {
    following.stop();
    ranging?.abort();
    opened += 1;
    const turn = opened;
    const map = await api.getMap(id);
    if (turn !== opened) return;
    ranging?.abort(); // one of the map before may have been asked for meanwhile
    [revision, wanted, shown, told] = [0, 0, null, null];
    const fresh = keepView ? {} : { selection: null, filters: NO_FILTERS, range: null, camera: null, matrixFolds: null, matrixCamera: null, grouping: /** @type {const} */ ('auto'), unfolded: [], past: [] }; // they belonged to the other map
    store.set({ map, whole: null, model: null, health: null, timeline: null, ...fresh });
    const address = new URL(location.href);
    if (!isOffline()) address.searchParams.set('map', id);
    if (!keepView) address.hash = '';
    if (replaces || address.href === location.href) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
    if (map.revision > 0) await loadGraph(id, map.revision);
    following.start(id, revision);
  }

  const following = createFollowing({
    isOpen: (id) => store.get().map?.id === id,
    onState: (map) => {
      const ended = isBusy(store.get().map) && !isBusy(map);
      store.set({ map });
      if (ended) refreshMaps().catch(report);
    },
    onGraph: (id, newest, changes) => {
      told = changes;
      loadGraph(id, newest).catch(report);
    },
    onGone: () => {
      notify('This map was deleted.', 'info');
      leave().catch(report);
    },
    report,
  });

  /** Loads a result, and again when a newer one came meanwhile: one request of a map at a time. @param {string} id @param {number} newest */
  async function loadGraph(id, newest) {
    wanted = Math.max(wanted, newest);
    if (loading === id) return;
    loading = id;
    try {
      while (store.get().map?.id === id && wanted > revision) {
        const target = wanted;
        const timed = api.timeline(id);
        timed.catch(() => {}); // awaited below, which a failure before may keep from happening
        const [result, health] = await Promise.all([newestResult(id), api.health(id)]);
        const { map, whole, timeline: before } = store.get();
        const newer = result.revision ?? target;
        if (map?.id !== id || newer <= revision) return; // nothing newer: asking again would not help
        const made = buildModel(result.document, whole);
        // the map does not wait for its timeline, unless a range of it is chosen
        if (!store.get().range) store.set({ whole: made, model: made, health, ...carriedTo(made, whole) });
        const timeline = await timed;
        if (store.get().map?.id !== id) return;
        const asked = store.get().range; // it may have been chosen or taken back meanwhile
        const shift = before ? (msOfText(before.t0_ns) ?? 0) - (msOfText(timeline.t0_ns) ?? 0) : 0;
        const range = carried(asked, shift, axisOf(timeline));
        if (asked && !range) notify('The chosen time range lies outside of this capture: the whole capture is shown.', 'info');
        [revision, shown] = [newer, result.document];
        // with a range the model before stays until the one of the range is here
        if (asked) store.set({ whole: made, ...(range ? {} : { model: made }), health, timeline, range, ...carriedTo(made, whole) });
        else store.set({ whole: made, model: made, health, timeline, ...carriedTo(made, whole) });
        if (range) await loadRange();
        if (map.state === 'live' && calm.matches) await new Promise((resolve) => setTimeout(resolve, CALM_STEP_MS));
      }
    } finally {
      if (loading === id) loading = null;
    }
  }

  /** What names endpoints, with the ids that they have now. @param {import('./model/graph-model.js').GraphModel} made @param {import('./model/graph-model.js').GraphModel|null} before */
  function carriedTo(made, before) {
    const { selection, filters } = store.get();
    const [isolated, hiddenNodes] = [carryNodes(filters.isolated, before, made), carryNodes(filters.hiddenNodes, before, made)];
    const same = isolated === filters.isolated && hiddenNodes === filters.hiddenNodes;
    return { selection: carrySelection(selection, before, made), filters: same ? filters : { ...filters, isolated, hiddenNodes } };
  }

  /** Shows the traffic of the chosen time range, or the whole again. */
  async function loadRange() {
    ranging?.abort();
    const { map, whole, range } = store.get();
    if (!map || !whole) return;
    if (range === null) {
      store.set({ model: whole });
      return;
    }
    const own = new AbortController();
    ranging = own;
    try {
      const part = await api.graphWithin(map.id, range, own.signal);
      const { map: open, whole: newest } = store.get();
      if (own.signal.aborted || !newest || open?.id !== map.id) return;
      // the server counts whole buckets: the range becomes what it really is
      store.set({ model: modelWithin(newest, part), range: usedRange(part.graph, range, axisOf(store.get().timeline)) });
    } catch (error) {
      if (own.signal.aborted || store.get().map?.id !== map.id) return;
      report(error);
      store.set({ range: null, model: store.get().whole });
    }
  }

  store.subscribe((state, before) => {
    // who sets the model with it has loaded the range
    if (state.whole === before.whole && state.model === before.model && !sameRange(state.range, before.range)) void loadRange();
  });

  /** The changes since what is shown, or the whole where the server no longer knows that. @param {string} id */
  async function newestResult(id) {
    const before = shown; // opening a map meanwhile forgets it
    if (before === null) return api.graph(id);
    try {
      const changes = told?.since === revision ? told : await api.changes(id, revision);
      return { document: applyChanges(before, changes), revision: changes.revision };
    } catch (error) {
      if (error instanceof ApiError && error.status === 410) return api.graph(id);
      throw error;
    }
  }

  /** What the server says of a map; another one may have been opened meanwhile. @param {MapStatus} status */
  function takeStatus(status) {
    if (store.get().map?.id === status.id) store.set({ map: status });
  }

  async function leave() {
    following.stop();
    store.set({ map: null, whole: null, model: null, health: null, timeline: null, selection: null });
    const maps = await refreshMaps();
    if (maps[0]) await open(maps[0].id, { replaces: true });
    else history.replaceState(null, '', new URL(location.pathname, location.href));
  }

  /** @param {string} id */
  async function remove(id) {
    try {
      if (store.get().map?.id === id) following.stop();
      await api.deleteMap(id);
      if (store.get().map?.id === id) await leave();
      else await refreshMaps();
    } catch (error) {
      report(error);
      if (store.get().map?.id === id && !following.isOn()) following.start(id, revision);
    }
  }

  /** Takes back a map that came to nothing. @param {string} id @param {string|null} before */
  async function abandon(id, before) {
    try {
      const isOpen = store.get().map?.id === id;
      if (isOpen) following.stop();
      await api.deleteMap(id);
      if (!isOpen) return;
      store.set({ map: null });
      if (before !== null) await open(before, { replaces: true });
      else history.replaceState(null, '', new URL(location.pathname, location.href));
    } catch (error) {
      report(error);
    }
  }

  /** @typedef {ReturnType<typeof import('./changing.js').createChanging>} Changing */

  /** Changes something; the map that is open now is meant, also when the modules for it are still on their way. @param {(changing: Changing, map: MapStatus|null) => Promise<void>} change */
  async function changed(change) {
    const { map } = store.get();
    const { createChanging } = await later.changing.come();
    await change(createChanging(store, { open, abandon, refreshMaps, takeStatus, report, notify }), map);
  }

  /** Changes what is stated of the open map. @param {(changing: Changing, map: MapStatus) => Promise<void>} change @returns {Promise<boolean>} whether the map is being judged again */
  async function corrected(change) {
    if (!store.get().map) return false;
    try {
      await changed((changing, map) => change(changing, /** @type {MapStatus} */ (map)));
      return true;
    } catch (error) {
      report(error);
      return false;
    }
  }

  /** @param {(id: string) => Promise<MapStatus>} action */
  async function withMap(action) {
    const id = store.get().map?.id;
    if (!id) return;
    try {
      takeStatus(await action(id));
    } catch (error) {
      report(error);
    }
  }

  return {
    started, start, open: (/** @type {string} */ id) => open(id).catch(report), reopen: (/** @type {string} */ id) => open(id, { keepView: true }).catch(report), remove, report, notify, dismiss,
    intake: (/** @type {File[]} */ files, /** @type {'new'|'this'} */ target) => changed(({ intake }, map) => intake(map, files, target)).catch(report),
    sample: () => changed(({ sample }) => sample()).catch(report),
    startLive: (/** @type {import('./document-types.js').LiveWanted} */ wanted) => changed(({ startLive }, map) => startLive(map, wanted)),
    statePoints: (/** @type {(document: import('./model/point-statements.js').PointsDocument) => unknown} */ change) => corrected(({ statePoints }, map) => statePoints(map, change)),
    placeByHand: (/** @type {(document: HandDocument) => HandDocument} */ change) => corrected(({ placeByHand }, map) => placeByHand(map, change)),
    analyse: () => withMap(api.analyse),
    cancel: () => withMap(api.cancelAnalysis),
    stopLive: () => withMap(api.stopLive),
    pause: following.stop,
    resume: () => {
      const id = store.get().map?.id;
      if (id && !following.isOn()) following.start(id, revision);
    },
  };
}

/** @typedef {ReturnType<typeof createSession>} Session */
