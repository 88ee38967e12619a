// A button that copies a text. Where the browser refuses, the text is shown selected, so that it can be copied by hand.

import { el } from './element.js';

/**
 * @param {import('../session.js').Session} session
 * @param {{text: () => string, label: string, what: string, note?: string, name?: string, id?: string, title?: string, className?: string}} copied what: "filter", in the message
 */
export function copyButton(session, { text, label, what, note = '', name, id, title, className = 'button button--small' }) {
  const told = note ? ` (${note})` : '';
  const button = el('button', { type: 'button', class: className, id, 'aria-label': name, title, onclick: async () => {
    const content = text();
    try {
      await navigator.clipboard.writeText(content);
      session.notify(`Copied the ${what}: ${content}${told}`, 'info');
    } catch {
      session.notify(`This browser does not let the page copy. The ${what} is selected below its button: press Ctrl+C.`, 'info');
      showSelected(button, what, content);
    }
  } }, label);
  return button;
}

/** @param {HTMLElement} button @param {string} what @param {string} content */
function showSelected(button, what, content) {
  const next = button.nextElementSibling;
  const field = next instanceof HTMLTextAreaElement ? next : el('textarea', { class: 'copied', readonly: true, rows: 3, 'aria-label': `The ${what}` });
  field.value = content;
  if (field !== next) button.after(field);
  field.focus();
  field.select();
}
