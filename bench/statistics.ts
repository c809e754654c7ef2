/** Medians, and ratios of things that were measured next to each other. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? max;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
  return { median, min, max, n: sorted.length };
}

/** What was delivered per second, and the part of a core that it took. */
export interface Rate {
  readonly perSecond: number;
  readonly cpu: number;
}

/** A measurement with the floor of just before and just after it. */
export interface Bracketed<T extends Rate = Rate> {
  readonly floors: readonly [before: T, after: T];
  readonly measured: T;
}

/** The machine was not the same before and after: such a pair says nothing. */
export function isUnsteady({ floors }: Pick<Bracketed, "floors">): boolean {
  const [before, after] = floors.map(({ perSecond }) => perSecond);
  if (before === undefined || after === undefined) return true;
  return Math.abs(before - after) > Math.max(before, after) / 5;
}

/** The part of the floor that a pair reached: in throughput, or in throughput per second of the server's CPU time. */
export function partOfFloor({ floors, measured }: Bracketed, per: "second" | "CPU second" = "second"): number {
  const of = ({ perSecond, cpu }: Rate): number => (per === "second" ? perSecond : perSecond / cpu);
  return of(measured) / ((of(floors[0]) + of(floors[1])) / 2);
}

/** Ratios of two lists, position by position. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): number[] {
  return numerators.map((value, at) => value / (denominators[at] ?? Number.NaN));
}
