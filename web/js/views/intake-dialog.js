// Files come in: dropped anywhere or chosen, then where they belong to.

import { isBusy } from '../app-state.js';
import { bytes, visibleText } from '../format.js';
import { KIND_LABELS, kindOfFile, sortFiles } from '../model/intake.js';
import { isOffline } from '../offline.js';
import { byId, el, fill } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */

/**
 * @param {Store} store
 * @param {import('../session.js').Session} session
 */
export function mountIntake(store, session) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('intake-dialog'));
  const veil = byId('drop-veil');
  const input = el('input', { type: 'file', multiple: true, hidden: true, id: 'file-input' });
  document.body.append(input);
  /** @type {File[]} */
  let files = [];
  let depth = 0;

  function chooseFiles() {
    input.value = '';
    input.click();
  }

  /** @param {File[]} chosen */
  async function receive(chosen) {
    if (chosen.length === 0) return;
    await session.started; // files may come before the page knows which maps there are
    const { map, model, phase } = store.get();
    if (phase !== 'ready') return;
    const { captures } = sortFiles(chosen);
    // one meaning only: nothing to ask
    if (map === null || (model === null && !isBusy(map))) {
      session.intake(chosen, 'new');
      return;
    }
    if (captures.length === 0 && !isBusy(map)) {
      session.intake(chosen, 'this');
      return;
    }
    files = chosen;
    show();
  }

  function show() {
    const { map } = store.get();
    if (!map) return;
    const busy = isBusy(map);
    const radio = (/** @type {'new'|'this'} */ value, /** @type {string} */ label, /** @type {boolean} */ checked) => {
      const button = el('input', { type: 'radio', name: 'target', value });
      button.checked = checked;
      button.disabled = value === 'this' && busy;
      return el('label', { class: 'radio' }, button, el('span', { class: 'hostile' }, label));
    };
    const form = el('form', { method: 'dialog' },
      el('h2', { id: 'intake-title' }, 'Add to the map'),
      el('ul', { class: 'dialog__files' }, files.map((file) => el('li', {}, el('bdi', { class: 'hostile' }, visibleText(file.name)), el('span', { class: 'muted' }, KIND_LABELS[kindOfFile(file.name)]), el('span', { class: 'num' }, bytes(file.size))))),
      el('fieldset', {}, el('legend', {}, 'These belong to'),
        radio('new', 'a new map', true),
        radio('this', busy ? `${visibleText(map.name)} (at work: wait or stop it first)` : visibleText(map.name), false)),
      el('p', { class: 'hint' }, 'Captures of the same time and place belong together: a conversation seen at two of them is counted once.'),
      el('div', { class: 'dialog__actions' },
        el('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'),
        el('button', { type: 'submit', class: 'button button--primary' }, 'Send and analyse')));
    form.addEventListener('submit', () => {
      const target = new FormData(form).get('target') === 'this' ? 'this' : 'new';
      session.intake(files, target);
    });
    fill(dialog, form);
    dialog.showModal();
  }

  input.addEventListener('change', () => receive([...(input.files ?? [])]));
  const carriesFiles = (/** @type {DragEvent} */ event) => !isOffline() && (event.dataTransfer?.types.includes('Files') ?? false);
  addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener('dragleave', () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  addEventListener('dragover', (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    depth = 0;
    veil.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (dialog.open) return;
    receive([...(event.dataTransfer?.files ?? [])]);
  });
  return { chooseFiles };
}
