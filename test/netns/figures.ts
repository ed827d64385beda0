/** Medians and percentiles of what was measured. */

/** The value below which the share `fraction` of the values lies (nearest rank); null without values. */
export function quantile(values: readonly number[], fraction: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(fraction * sorted.length) - 1))] ?? null;
}

export function median(values: readonly number[]): number | null {
  return quantile(values, 0.5);
}

/** At most so many decimal places, for documents that people read too. */
export function rounded(value: number | null, places: number): number | null {
  return value === null ? null : Number(value.toFixed(places));
}
