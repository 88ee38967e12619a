// Light and dark: the choice, and the colours as canvas needs them.

const STORED = 'flowmap.theme';
const TOKENS = ['bg', 'panel', 'ink', 'ink2', 'ink3', 'box', 'boxline', 'street', 'street2', 'tile', 'sel', 'shadow',
  'stay', 'stay-soft', 'leave', 'unk'];

/** @typedef {Record<string, string>} Colours by token */

/** @returns {string|null} */
function stored() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage may be forbidden: the choice then lasts as long as the page
  }
}

/** Applies the stored choice. */
export function restoreTheme() {
  const theme = stored();
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
}

/** @returns {boolean} */
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

export function toggleTheme() {
  const theme = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // see above
  }
}

/** Resolves the tokens by asking the browser for the colour of an element that uses them. @returns {Colours} */
export function readColours() {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  /** @type {Colours} */
  const colours = {};
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    colours[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

/** Calls back when the colours change, by choice or by the system. @param {() => void} callback @returns {() => void} ends it */
export function onThemeChange(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', callback);
  };
}
