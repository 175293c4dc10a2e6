// What a person chose and finds again: kept in this browser only.

export function kept<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`lazuli.${name}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    // Another version's, or a browser that keeps nothing.
    return otherwise;
  }
}

export function keep(name: string, value: unknown) {
  try {
    localStorage.setItem(`lazuli.${name}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing still shows everything.
  }
}
