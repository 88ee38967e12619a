// Parts of the page that are built anew under somebody's hands: a press that has begun reaches its control, the keyboard stays
// where it is, and what was scrolled or unfolded stays so.

/** A touch is told as a click a moment after the finger has left. */
const TOUCH_MS = 300;
const PRESSING = [' ', 'Enter'];
const FOCUSABLE = 'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea, summary, [tabindex="0"]';

/**
 * Holds back what would be built while a pointer or key is down in a part of the page, or while its owner looks at something
 * that must not go (`data-hold`). What the press itself does is done at once.
 * @param {HTMLElement} element
 */
export function createSteady(element) {
  let pressed = false;
  /** @type {(() => void)|null} the newest of what was held back */
  let waiting = null;
  const ending = new AbortController();
  const { signal } = ending;

  function isHeld() {
    const active = document.activeElement;
    return pressed || (active !== null && element.contains(active) && active.closest('[data-hold]') !== null);
  }

  function flush() {
    if (waiting === null || isHeld()) return;
    const build = waiting;
    waiting = null;
    build();
  }

  function end() {
    pressed = false;
    flush();
  }

  element.addEventListener('pointerdown', () => { pressed = true; }, { signal });
  element.addEventListener('keydown', (event) => { pressed ||= PRESSING.includes(event.key); }, { signal });
  element.addEventListener('focusout', () => setTimeout(flush), { signal });
  const over = (/** @type {Event} */ event) => {
    if (event.type === 'blur' && event.target !== window) return; // of a control: the press itself moves the focus
    if (pressed) setTimeout(end, event instanceof PointerEvent && event.pointerType === 'touch' ? TOUCH_MS : 0);
  };
  for (const name of ['pointerup', 'pointercancel', 'keyup', 'blur']) addEventListener(name, over, { capture: true, signal });
  addEventListener('click', () => {
    pressed = false;
    if (waiting) setTimeout(flush);
  }, { capture: true, signal });

  return {
    /** @param {() => void} build @param {boolean} [now] somebody asked for it: nothing is held back */
    render(build, now = false) {
      waiting = build;
      if (!now) return flush();
      waiting = null;
      build();
    },
    unmount: () => ending.abort(),
  };
}

/** @param {HTMLElement} control @returns {string} what it is known by when it is made again */
function keyOf(control) {
  return control.dataset.key ?? control.id;
}

/** @param {HTMLElement} element @returns {HTMLElement[]} in the order of the keyboard */
function controlsIn(element) {
  return /** @type {HTMLElement[]} */ ([...element.querySelectorAll(FOCUSABLE)]);
}

/**
 * Builds a part of the page anew. The focus goes to the control of the same `data-key` or id, else to the one in its place.
 * @param {HTMLElement} element
 * @param {() => void} build
 */
export function keepingPlace(element, build) {
  const active = document.activeElement;
  const focused = active instanceof HTMLElement && active !== element && element.contains(active) ? active : null;
  const key = focused ? keyOf(focused) : '';
  const place = focused ? controlsIn(element).indexOf(focused) : -1;
  const scrolled = /** @type {HTMLElement[]} */ ([...element.querySelectorAll('[data-scroll]')]).map(({ dataset, scrollLeft, scrollTop }) => ({ name: dataset.scroll, scrollLeft, scrollTop }));
  const turned = /** @type {HTMLDetailsElement[]} */ ([...element.querySelectorAll('details[data-key]')]).map(({ dataset, open }) => ({ name: dataset.key, open }));
  build();
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll('[data-scroll]'))) {
    const before = scrolled.find(({ name }) => name === one.dataset.scroll);
    if (before) [one.scrollLeft, one.scrollTop] = [before.scrollLeft, before.scrollTop];
  }
  for (const one of /** @type {NodeListOf<HTMLDetailsElement>} */ (element.querySelectorAll('details[data-key]'))) {
    const before = turned.find(({ name }) => name === one.dataset.key);
    if (before) one.open = before.open;
  }
  if (!focused || focused.isConnected) return;
  const controls = controlsIn(element);
  const same = key === '' ? undefined : controls.find((control) => keyOf(control) === key);
  (same ?? controls[Math.min(Math.max(place, 0), controls.length - 1)] ?? element).focus({ preventScroll: true });
}
