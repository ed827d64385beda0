/** Small choices of the page that outlive it, where the browser lets it keep them. */

export function kept(name: string): boolean | undefined {
  try {
    const value = localStorage.getItem(name);
    return value === null ? undefined : value === "true";
  } catch {
    return undefined;
  }
}

export function keep(name: string, value: boolean): void {
  try {
    localStorage.setItem(name, String(value));
  } catch {
    // Then the choice lasts as long as the page.
  }
}
