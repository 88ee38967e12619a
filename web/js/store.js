// One state object, replaced whole; views subscribe. No DOM here.

/**
 * @template State
 * @param {State} initial
 */
export function createStore(initial) {
  let state = initial;
  /** @type {Set<(state: State, before: State) => void>} */
  const listeners = new Set();

  return {
    get() {
      return state;
    },

    /**
     * Replaces some fields; listeners hear of it only when a value changed.
     * @param {Partial<State>} patch
     */
    set(patch) {
      const before = state;
      const next = { ...state, ...patch };
      const keys = /** @type {(keyof State)[]} */ (Object.keys(/** @type {object} */ (patch)));
      if (keys.every((key) => Object.is(before[key], next[key]))) return;
      state = next;
      for (const listener of [...listeners]) listener(state, before);
    },

    /**
     * @param {(state: State, before: State) => void} listener
     * @returns {() => void} ends the subscription
     */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * Remembers the last result as long as the arguments stay the same objects.
 * @template {any[]} Args
 * @template Result
 * @param {(...args: Args) => Result} compute
 * @returns {(...args: Args) => Result}
 */
export function memoized(compute) {
  /** @type {Args|null} */
  let last = null;
  /** @type {Result} */
  let result;
  return (...args) => {
    if (last === null || args.some((value, i) => !Object.is(value, /** @type {Args} */ (last)[i]))) {
      result = compute(...args);
      last = args;
    }
    return result;
  };
}

/** Makes something when it is first wanted. @template T @param {() => T} make @returns {() => T} */
export function once(make) {
  /** @type {{made: T}|null} */
  let kept = null;
  return () => (kept ??= { made: make() }).made;
}
