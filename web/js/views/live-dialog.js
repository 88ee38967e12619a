// Start a live capture: which interfaces and what each is, which filter, when it ends. Shows what is running, with a way to stop it.

import { api } from '../api.js';
import { bytes, count, duration, plural, visibleText } from '../format.js';
import { LIMITS, droppedText, leftText, limitsOf } from '../model/live.js';
import { ROLES } from '../verdicts.js';
import { byId, el, fill } from './element.js';

/** @typedef {import('../document-types.js').Interface} Interface */
/** @typedef {import('../document-types.js').InterfaceList} InterfaceList */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../session.js').Session} Session */

const LOOK_AGAIN_MS = 1000;

/** @param {Session} session */
export async function openLiveDialog(session) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('live-dialog'));
  if (dialog.open) return;
  fill(dialog, el('form', { method: 'dialog' }, el('h2', { id: 'live-title' }, 'Live capture'), el('p', { class: 'muted' }, 'Asking for the interfaces …')));
  dialog.showModal();
  try {
    const [list, { maps }] = await Promise.all([api.interfaces(), api.listMaps()]);
    if (dialog.open) show(dialog, session, list, maps);
  } catch (error) {
    dialog.close();
    session.report(error);
  }
}

/** @param {HTMLDialogElement} dialog @param {Session} session @param {InterfaceList} list @param {MapStatus[]} maps */
function show(dialog, session, list, maps) {
  const { interfaces, problem, limits } = list;
  const trouble = el('p', { class: 'problem', role: 'alert', hidden: true });
  const start = el('button', { type: 'submit', class: 'button button--primary', id: 'live-start' }, 'Start');
  const ordered = [...interfaces].sort((p, q) => Number(p.loopback) - Number(q.loopback) || Number(q.up) - Number(p.up));
  const rows = ordered.map((one, index) => interfaceRow(one, index));
  let [sending, full] = [false, false];
  const enable = () => {
    start.disabled = sending || full || problem !== null || !rows.some((row) => row.box.checked);
  };
  const running = runningNow(dialog, session, list.most_running, maps, (isFull) => {
    full = isFull;
    enable();
  });
  const form = el('form', { method: 'dialog' },
    el('h2', { id: 'live-title' }, 'Live capture'),
    problem !== null && el('p', { class: 'problem' }, visibleText(problem)),
    running,
    el('fieldset', {}, el('legend', {}, 'Interfaces of this machine'),
      rows.length === 0 ? el('p', { class: 'muted' }, 'None is offered.') : el('div', { class: 'interfaces' }, rows.map((row) => row.node)),
      rows.length > 1 && el('span', { class: 'hint' }, `Up to ${list.most_interfaces} at once: vNICs and all uplinks of a host together show what stayed on it.`)),
    el('label', { class: 'field' }, 'Capture filter', el('input', { name: 'filter', type: 'text', placeholder: 'all packets; for example: tcp port 443', maxlength: 2048, autocomplete: 'off', spellcheck: 'false' }),
      el('span', { class: 'hint' }, 'Wireshark’s capture filter (BPF). A filter that misses tagged frames hides traffic.')),
    el('fieldset', {}, el('legend', {}, 'Ends by itself after'),
      el('div', { class: 'limits' }, LIMITS.map(({ key, unit, each }) => el('label', { class: 'field' }, unit,
        el('input', { name: key, type: 'number', min: 1, max: Math.floor(limits[key] / each), step: 1, inputmode: 'numeric', placeholder: count(limits[key] / each) })))),
      el('span', { class: 'hint' }, `Empty fields stand for what the server allows: ${duration(limits.seconds * 1000)}, ${bytes(limits.bytes)}, ${count(limits.packets)} packets.`)),
    trouble,
    el('div', { class: 'dialog__actions' }, el('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'), start));
  form.addEventListener('change', enable);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    sending = true;
    enable();
    trouble.hidden = true;
    try {
      await session.startLive({
        interfaces: rows.filter((row) => row.box.checked).map((row) => row.wanted()),
        filter: String(data.get('filter') ?? '').trim() || null,
        limits: limitsOf((key) => String(data.get(key) ?? '')),
      });
      dialog.close();
    } catch (error) {
      trouble.textContent = visibleText(error instanceof Error ? error.message : String(error));
      trouble.hidden = false;
      sending = false;
      enable();
    }
  });
  enable();
  fill(dialog, form);
  rows[0]?.box.focus();
}

/** One interface, and what it is once it is chosen. @param {Interface} one @param {number} index the first is chosen */
function interfaceRow(one, index) {
  const name = visibleText(one.name);
  const box = el('input', { type: 'checkbox', name: 'interface', value: one.name });
  box.checked = index === 0;
  const role = el('select', { 'aria-label': `Role of ${name}` }, el('option', { value: '' }, 'role: as its name tells'),
    Object.entries(ROLES).filter(([value]) => value !== 'unknown').map(([value, words]) => el('option', { value }, words)));
  const host = el('input', { type: 'text', 'aria-label': `Host of ${name}`, placeholder: 'its host, when known', maxlength: 253, autocomplete: 'off', spellcheck: 'false' });
  const facts = el('div', { class: 'interfaces__facts' }, role, host);
  const showFacts = () => { facts.hidden = !box.checked; };
  box.addEventListener('change', showFacts);
  showFacts();
  return {
    box,
    node: el('div', { class: 'interfaces__row' },
      el('label', {}, box, el('span', {}, el('b', {}, name), one.description && el('small', { class: 'hostile' }, ` ${visibleText(one.description)}`)),
        el('small', {}, one.loopback ? 'loopback' : one.up ? 'up' : 'down')),
      facts),
    wanted: () => ({ name: one.name, role: role.value || null, host: host.value.trim() || null }),
  };
}

/**
 * What is captured now, brought up to date while the dialog is open.
 * @param {HTMLDialogElement} dialog
 * @param {Session} session
 * @param {number} most live captures at once
 * @param {MapStatus[]} maps
 * @param {(isFull: boolean) => void} onFull told whether another one can start
 */
function runningNow(dialog, session, most, maps, onFull) {
  const section = el('section', { class: 'running', 'aria-labelledby': 'running-title' });
  const title = el('h3', { id: 'running-title' });
  const full = el('p', { class: 'problem', hidden: true });
  const list = el('ul');
  section.append(title, full, list);
  /** @type {Map<string, {row: HTMLElement, text: HTMLElement}>} rows by map, so that the focus stays where it is */
  const rows = new Map();

  /** @param {MapStatus[]} newest */
  function render(newest) {
    const live = newest.filter((map) => map.state === 'live');
    section.hidden = live.length === 0;
    title.textContent = `Running now: ${live.length} of at most ${most}`;
    full.hidden = live.length < most;
    full.textContent = 'No other live capture can start: stop one of these first.';
    for (const [id, { row }] of rows) if (!live.some((map) => map.id === id) && rows.delete(id)) row.remove();
    for (const map of live) {
      const made = rows.get(map.id) ?? runningRow(map, session);
      if (!rows.has(map.id)) list.append(made.row);
      rows.set(map.id, made);
      made.text.textContent = runningText(map);
    }
    onFull(live.length >= most);
  }

  const timer = setInterval(async () => {
    if (!dialog.open || !dialog.contains(section)) {
      clearInterval(timer);
      return;
    }
    render((await api.listMaps().catch(() => ({ maps }))).maps);
  }, LOOK_AGAIN_MS);
  render(maps);
  return section;
}

/** @param {MapStatus} map */
function runningText(map) {
  const { live, progress } = map;
  if (!live) return '';
  return [plural(progress?.packets ?? 0, 'packet'), droppedText(live, true), leftText(map)].filter(Boolean).join(' · ');
}

/** @param {MapStatus} map @param {Session} session */
function runningRow(map, session) {
  const name = visibleText(map.name);
  const text = el('small', { class: 'num' });
  const stop = el('button', { type: 'button', class: 'button button--small', 'aria-label': `Stop ${name}`, onclick: async () => {
    stop.disabled = true;
    stop.textContent = 'Stopping …';
    await api.stopLive(map.id).catch(session.report);
  } }, 'Stop');
  return { text, row: el('li', {}, el('span', {}, el('b', { class: 'hostile' }, name), ' ', text), stop) };
}
