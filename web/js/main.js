// Puts the page together: the store, the session with the server, the views, and the address.

import { INITIAL_STATE } from './app-state.js';
import { comeAll, later } from './later.js';
import { createSession } from './session.js';
import { createStore } from './store.js';
import { fromHash, toHash } from './url-state.js';
import { mountAnnouncer } from './views/announcer.js';
import { mountDetailPanel } from './views/detail-panel.js';
import { byId } from './views/element.js';
import { mountFilterColumn } from './views/filter-column.js';
import { mountHeader } from './views/header.js';
import { mountIntake } from './views/intake-dialog.js';
import { mountNotices } from './views/notices.js';
import { mountPageFrame } from './views/page-frame.js';
import { mountShortcuts } from './views/shortcuts.js';
import { mountStage } from './views/stage.js';
import { mountSummary } from './views/summary.js';
import { restoreTheme } from './views/theme.js';
import { mountTimeline } from './views/timeline.js';
import { mountWorkStrip } from './views/work-strip.js';

/** @typedef {import('./app-state.js').AppState} AppState */
/** @typedef {import('./url-state.js').Selection} Selection */

const UNDO_STEPS = 50;

restoreTheme();
const store = createStore(/** @type {AppState} */ ({ ...INITIAL_STATE, ...fromHash(location.hash) }));
const session = createSession(store);

/** Writes the view into the address. A step that Back should undo is pushed; typing only replaces. @param {boolean} push */
function writeHash(push) {
  const hash = toHash(store.get());
  const address = new URL(location.href);
  if (address.hash.replace(/^#/, '') === hash) return;
  address.hash = hash;
  if (push) history.pushState(null, '', address);
  else history.replaceState(null, '', address);
}

/** @param {Partial<AppState>} patch @param {boolean} [push] */
function show(patch, push = true) {
  store.set(patch);
  writeHash(push);
}

const select = (/** @type {Selection|null} */ selection) => show({ selection });
/** The control that the last change of a filter came from: a slider that is drawn is one step of Undo. */
let drawn = '';

/**
 * Changes filters or time range; Undo and Back lead to what was before.
 * @param {{filters?: import('./model/filters.js').Filters, range?: import('./url-state.js').Range|null}} patch
 * @param {string} [typing] the control from which more of the same change will follow
 */
function narrow(patch, typing = '') {
  const { filters, range, past } = store.get();
  const step = typing && drawn === typing ? past : [...past.slice(1 - UNDO_STEPS), { filters, range }];
  drawn = typing;
  show({ ...patch, past: step }, !typing);
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    session.notify('The link to this view is copied. It opens on this machine, for who has the key of the server.', 'info');
  } catch {
    session.notify('The browser does not let pages copy here: take the link from the address bar.', 'info');
  }
}

function undo() {
  const { past } = store.get();
  const before = past.at(-1);
  drawn = '';
  if (before) show({ ...before, past: past.slice(0, -1) });
}
const intake = mountIntake(store, session);
const openLive = () => later.live.come().then(({ openLiveDialog }) => openLiveDialog(session)).catch(session.report);

mountHeader(store, session, {
  setView: (view) => show({ view }),
  setSearch: (search) => narrow({ filters: { ...store.get().filters, search } }, 'search'),
  select,
  openIntake: intake.chooseFiles,
  openLive,
  undo,
  copyLink,
});
mountFilterColumn(byId('filters'), store, { select, setFilters: (filters, typing) => narrow({ filters }, typing ? 'slider' : ''), undo });
mountSummary(byId('summary'), store, session, select);
/** Where the map is looked at is no step that Back should undo. @param {import('./url-state.js').Camera|null} camera */
const setCamera = (camera) => show({ camera }, false);
// before the stage, which measures the room that is left
mountTimeline(byId('timeline'), store, { setRange: (range) => narrow({ range }), select, report: session.report });
mountStage(byId('stage'), store, { select, setCamera, group: show, setSort: (sort) => show({ sort }), setMatrix: (patch) => show(patch, false), chooseFiles: intake.chooseFiles, openSample: session.sample, openLive });
mountDetailPanel(byId('details'), store, session, { select, setFilters: (filters) => narrow({ filters }) });
mountWorkStrip(byId('work'), store, session);
mountNotices(store, session);
mountAnnouncer(store);
mountPageFrame(store);
mountShortcuts(store, {
  setView: (view) => store.get().model && show({ view }),
  setFilters: (filters) => narrow({ filters }),
  clearSelection: () => store.get().selection && select(null),
  undo,
});

// a result may have moved the range or the selection
store.subscribe((state, before) => {
  if (state.whole && state.whole !== before.whole) writeHash(false);
});
// also when somebody edits what stands behind the # of the address
addEventListener('popstate', () => {
  store.set(fromHash(location.hash));
  const wanted = new URL(location.href).searchParams.get('map');
  if (wanted && wanted !== store.get().map?.id) session.reopen(wanted);
});
// a stream that nobody looks at would take one of the few connections that a browser opens to one server
addEventListener('visibilitychange', () => (document.hidden ? session.pause() : session.resume()));
addEventListener('pagehide', () => session.pause());

await session.start(new URL(location.href).searchParams.get('map'));
requestAnimationFrame(() => setTimeout(comeAll)); // behind the frame that shows it
document.documentElement.dataset.started = ''; // for those who drive the page
