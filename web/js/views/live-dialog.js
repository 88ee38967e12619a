// Start a live capture: which interface, which filter, and when it ends.

import { api } from '../api.js';
import { bytes, count, duration, visibleText } from '../format.js';
import { LIMITS, limitsOf } from '../model/live-limits.js';
import { byId, el, fill } from './element.js';

/** @typedef {import('../document-types.js').InterfaceList} InterfaceList */

/** @param {import('../session.js').Session} session */
export function mountLiveDialog(session) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('live-dialog'));

  async function open() {
    fill(dialog, el('form', { method: 'dialog' }, el('h2', { id: 'live-title' }, 'Live capture'), el('p', { class: 'muted' }, 'Asking for the interfaces …')));
    dialog.showModal();
    try {
      show(await api.interfaces());
    } catch (error) {
      dialog.close();
      session.report(error);
    }
  }

  /** @param {InterfaceList} list */
  function show({ interfaces, problem, limits }) {
    const trouble = el('p', { class: 'problem', role: 'alert', hidden: true });
    const start = el('button', { type: 'submit', class: 'button button--primary', id: 'live-start' }, 'Start');
    const usable = interfaces.length > 0 && problem === null;
    const ordered = [...interfaces].sort((p, q) => Number(p.loopback) - Number(q.loopback) || Number(q.up) - Number(p.up));
    const form = el('form', { method: 'dialog' },
      el('h2', { id: 'live-title' }, 'Live capture'),
      problem !== null && el('p', { class: 'problem' }, visibleText(problem)),
      el('fieldset', {}, el('legend', {}, 'Interface of this machine'),
        interfaces.length === 0 ? el('p', { class: 'muted' }, 'None is offered.') : el('div', { class: 'interfaces' }, ordered.map((one, index) => {
          const radio = el('input', { type: 'radio', name: 'interface', value: one.name, required: true });
          radio.checked = index === 0;
          return el('label', {}, radio, el('span', {}, el('b', {}, visibleText(one.name)), one.description && el('small', { class: 'hostile' }, ` ${visibleText(one.description)}`)),
            el('small', {}, one.loopback ? 'loopback' : one.up ? 'up' : 'down'));
        }))),
      el('label', { class: 'field' }, 'Capture filter', el('input', { name: 'filter', type: 'text', placeholder: 'all packets; for example: tcp port 443', maxlength: 2048, autocomplete: 'off', spellcheck: 'false' }),
        el('span', { class: 'hint' }, 'Wireshark’s capture filter (BPF). A filter that misses tagged frames hides traffic.')),
      el('fieldset', {}, el('legend', {}, 'Ends by itself after'),
        el('div', { class: 'limits' }, LIMITS.map(({ key, unit, each }) => el('label', { class: 'field' }, unit,
          el('input', { name: key, type: 'number', min: 1, max: Math.floor(limits[key] / each), step: 1, inputmode: 'numeric', placeholder: count(limits[key] / each) })))),
        el('span', { class: 'hint' }, `Empty fields stand for what the server allows: ${duration(limits.seconds * 1000)}, ${bytes(limits.bytes)}, ${count(limits.packets)} packets.`)),
      trouble,
      el('div', { class: 'dialog__actions' }, el('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'), start));
    start.disabled = !usable;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      start.disabled = true;
      trouble.hidden = true;
      try {
        await session.startLive({
          interface: String(data.get('interface') ?? ''), filter: String(data.get('filter') ?? '').trim() || null,
          limits: limitsOf((key) => String(data.get(key) ?? '')),
        });
        dialog.close();
      } catch (error) {
        trouble.textContent = visibleText(error instanceof Error ? error.message : String(error));
        trouble.hidden = false;
        start.disabled = false;
      }
    });
    fill(dialog, form);
    /** @type {HTMLElement|null} */ (form.querySelector('input:checked'))?.focus();
  }

  return { open };
}
