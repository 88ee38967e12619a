// A button that copies a text. Where the browser refuses, the text is shown selected, so that it can be copied by hand.

import { el } from './element.js';

/**
 * @param {import('../session.js').Session} session
 * @param {{text: () => string, label: string, what: string, note?: string, name?: string, id?: string, title?: string, className?: string}} copied what: "filter", in the message
 */
export function copyButton(session, { text, label, what, note = '', name, id, title, className = 'button button--small' }) {
  const told = note ? ` (${note})` : '';
  const key = id ?? `copy ${name ?? what}`;
  const button = el('button', { type: 'button', class: className, id, 'data-key': key, 'aria-label': name, title, onclick: async () => {
    const content = text();
    try {
      await navigator.clipboard.writeText(content);
      session.notify(`Copied the ${what}: ${content}${told}`, 'info');
    } catch {
      session.notify(`This browser does not let the page copy. The ${what} is selected below its button: press Ctrl+C.`, 'info');
      const made = [...document.querySelectorAll('button')].find(({ dataset }) => dataset.key === key); // anew, perhaps
      showSelected(made ?? button, what, content);
    }
  } }, label);
  return button;
}

/** @param {HTMLElement} button @param {string} what @param {string} content */
function showSelected(button, what, content) {
  const next = button.nextElementSibling;
  const field = next instanceof HTMLTextAreaElement ? next : el('textarea', { class: 'copied', readonly: true, rows: 3, 'data-hold': true, 'aria-label': `The ${what}` });
  field.value = content;
  if (field !== next) button.after(field);
  field.focus();
  field.select();
}
